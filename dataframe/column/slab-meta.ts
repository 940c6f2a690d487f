import { VolleyError } from '../../core/base/errors.js';

const encoder = new TextEncoder();

/**
 * The layout of a partition as bytes: JSON, for it holds no more than texts, flags and safe integers, and is written and
 * read once or twice a task. V8 does that natively, however rarely it has been done before.
 */
export function packMeta(meta: object): Uint8Array {
  return encoder.encode(JSON.stringify(meta));
}

/** What packMeta made, if it did: nothing is checked but that it is an object. Throws CORRUPT_PARTITION. */
export function unpackMeta<T extends object>(bytes: Uint8Array): T {
  let meta: unknown;
  try {
    meta = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch {
    meta = null;
  }
  if (typeof meta === 'object' && meta !== null) return meta as T;
  throw new VolleyError('CORRUPT_PARTITION', 'the layout of a partition cannot be read');
}
