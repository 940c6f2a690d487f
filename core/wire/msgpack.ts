import type { Packr, Unpackr } from 'msgpackr';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import { msgpackr } from '../base/on-demand.js';
import { scanMsgpack } from './msgpack-scan.js';
import { type BinarySink, lowerValue } from './value-lower.js';
import { raiseValue } from './value-raise.js';

/**
 * The one place where msgpackr is configured. Encoded values are plain msgpack, or, where they hold what msgpack has
 * no form for, the byte 0xC1 (which msgpack never uses) and msgpack with marks (value-kinds).
 *
 * msgpackr's extensions are process-global and its options restrict only encoding. So no extension is used at all
 * (a user's own addExtension cannot clash), and scanMsgpack() refuses them before msgpackr sees the bytes.
 */
const options = {
  useRecords: false,
  moreTypes: false,
  structuredClone: false,
  useToJSON: false,
  mapsAsObjects: true,
  int64AsType: 'auto' as 'number',
  copyBuffers: false,
};
let packer: Packr | null = null;
let unpacker: Unpackr | null = null;
/** msgpackr's RESET_BUFFER_MODE. */
let resetBuffer = 0;

function packerHere(): Packr {
  if (packer !== null) return packer;
  const { Packr, RESET_BUFFER_MODE } = msgpackr();
  resetBuffer = RESET_BUFFER_MODE;
  packer = new Packr(options);
  return packer;
}

function unpackerHere(): Unpackr {
  unpacker ??= new (msgpackr().Unpackr)(options);
  return unpacker;
}

const richPrefix = 0xc1;
/** A mark adds at most three levels of msgpack to one of the value. */
const scanDepth = limits.decodeDepth * 3 + 3;

/** Encodes plain data, typed arrays, and everything else that can be the value of a task. Throws SERIALIZATION. */
export function packData(value: unknown): Uint8Array {
  return packValue(value, null, 'value');
}

/** Decodes what packData made; the result shares no memory with `bytes`. Throws DECODE for anything else. */
export function unpackData<T = unknown>(bytes: Uint8Array): T {
  return unpackValue(bytes, null) as T;
}

/** packData with large binary given to `sink`, and the name errors give to the value. */
export function packValue(value: unknown, sink: BinarySink, rootName: string): Uint8Array {
  const { tree, rich } = lowerValue(value, sink, rootName);
  // The packed bytes lie in msgpackr's pool, which is reused from the same place: always copied out.
  const own = packerHere();
  const packed = own.pack(tree, resetBuffer);
  const from = rich ? 1 : 0;
  const bytes = new Uint8Array(packed.byteLength + from);
  if (rich) bytes[0] = richPrefix;
  bytes.set(packed, from);
  // msgpackr would keep the largest buffer it ever needed, up to 1 GiB, in every thread.
  if (packed.byteLength > limits.packBufferBytes) own.useBuffer(Buffer.allocUnsafeSlow(8192));
  return bytes;
}

/** unpackData with the buffers that packValue's sink was given. */
export function unpackValue(bytes: Uint8Array, outOfBand: Uint8Array | null): unknown {
  if (!(bytes instanceof Uint8Array)) throw new VolleyError('DECODE', 'these are not bytes', {});
  const rich = isRich(bytes);
  const from = rich ? 1 : 0;
  scanMsgpack(bytes, from, bytes.byteLength, rich, scanDepth);
  const tree = decode(bytes, from);
  return rich ? raiseValue(tree, outOfBand) : tree;
}

/** True when the value holds more than plain data: only then can it hold an InputSlot. */
export function isRich(bytes: Uint8Array): boolean {
  return bytes[0] === richPrefix;
}

function decode(bytes: Uint8Array, from: number): unknown {
  // A view of our own: msgpackr hangs a DataView on its source. Shared memory is copied, for other threads may write it
  // between the scan and the decoding, and text decoders refuse it.
  const source =
    bytes.buffer instanceof ArrayBuffer
      ? Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.byteLength - from)
      : Buffer.from(bytes.subarray(from));
  try {
    return unpackerHere().unpack(source);
  } catch (error) {
    throw new VolleyError('DECODE', `these bytes are not a value that Volley encoded: ${String(error)}`, {});
  }
}
