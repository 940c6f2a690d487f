import { bitmapBytes, countValid, type Validity } from '../../column/bitmap.js';
import type { Buffers } from './buffers.js';
import type { Entries } from './dictionaries.js';
import type { Located } from './locate.js';

/** What decoding takes beside the bytes. */
export interface DecodeContext {
  readonly buffers: Buffers;
  /** By id. */
  readonly dictionaries: ReadonlyMap<number, Entries>;
  /** Nobody looks at text: its dictionaries may hold an entry twice. */
  readonly movesText: boolean;
}

/** Which values are null: counted, not believed. */
export interface Nulls extends Validity {
  /** 1 = valid, by row; null when all are. */
  readonly flags: Uint8Array | null;
}

const none = new Uint8Array(0);

export function bufferOf(located: Located, i: number, { buffers }: DecodeContext): Uint8Array {
  return buffers.get(located.buffers[i]!) ?? none;
}

/** @throws RangeError where there are not as many nulls as claimed */
export function nullsOf(located: Located, context: DecodeContext): Nulls {
  const { field, length, nullCount } = located;
  const bytes = bufferOf(located, 0, context);
  if (bytes.length === 0 && nullCount === 0) return { validity: null, nullCount, flags: null };
  if (bytes.length < bitmapBytes(length)) {
    throw new RangeError(
      `column '${field.name}': ${bytes.length} bytes tell which of ${length} values are null`,
    );
  }
  const validity = bytes.subarray(0, bitmapBytes(length));
  const found = length - countValid(validity, length);
  if (found !== nullCount) {
    throw new RangeError(`column '${field.name}' has ${found} nulls where ${nullCount} are claimed`);
  }
  if (found === 0) return { validity: null, nullCount, flags: null };
  return { validity, nullCount, flags: unpackBits(validity, length) };
}

/** Without the flags. */
export function nulls0({ validity, nullCount }: Nulls): Validity {
  return { validity, nullCount };
}

/** A byte for each bit, 0 or 1. */
export function unpackBits(bits: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = (bits[i >> 3]! >> (i & 7)) & 1;
  return out;
}
