import { limits } from '../../../core/base/limits.js';
import type { Lent } from '../../kernels/lent.js';
import { readRanges } from '../parquet/ranges.js';
import type { SourceHandle } from '../source.js';
import { loadUnpackZstd, unpackZstd } from '../zstd/zstd.js';
import { safeInt64 } from './flatbuffer.js';
import { type Located, leastBytes } from './locate.js';
import { unpackLz4 } from './lz4.js';
import type { BatchHeader, BufferPlace } from './message.js';

/** The bytes of each buffer that was asked for. */
export type Buffers = ReadonlyMap<BufferPlace, Uint8Array>;

const none = new Uint8Array(0);

/**
 * Reads and unpacks the buffers of these fields, and no others, from a body that begins at `start`. They are lent.
 * @throws RangeError where the file ends before, or a buffer is damaged
 */
export async function readBuffers(
  handle: SourceHandle,
  start: number,
  fields: readonly Located[],
  compression: BatchHeader['compression'],
  lent: Lent,
): Promise<Buffers> {
  const wanted: { located: Located; i: number; place: BufferPlace }[] = [];
  const collect = (located: Located) => {
    located.buffers.forEach((place, i) => {
      if (place.length > 0) wanted.push({ located, i, place });
    });
    for (const child of located.children) collect(child);
  };
  for (const field of fields) collect(field);
  if (compression === 'zstd') await loadUnpackZstd();
  const read = await readRanges(
    handle,
    wanted.map(({ place }) => ({ start: start + place.offset, length: place.length })),
    lent,
  );
  const out = new Map<BufferPlace, Uint8Array>();
  wanted.forEach(({ located, i, place }, w) => {
    const bytes = read[w]!;
    if (bytes.length < place.length) throw new RangeError('the file ends within its values');
    const { field, length, nullCount } = located;
    const least = leastBytes(field, length, nullCount, i);
    const unpacked = compression === 'none' ? bytes : unpack(bytes, compression, least);
    if (unpacked.length < least) {
      throw new RangeError(`column '${field.name}': a buffer of ${unpacked.length} bytes, not ${least}`);
    }
    out.set(place, unpacked);
  });
  return out;
}

/** A buffer with its unpacked size in front; -1: it is not packed. */
function unpack(bytes: Uint8Array, compression: 'lz4' | 'zstd', least: number): Uint8Array {
  const size = safeInt64(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
  const packed = bytes.subarray(8);
  // A copy: what was read is given back.
  if (size === -1) return packed.slice();
  if (size < least || size > limits.ipcDecodedBytes) {
    throw new RangeError(
      `a buffer that claims ${size} bytes: at least ${least} belong there, at most ${limits.ipcDecodedBytes} are read`,
    );
  }
  if (size === 0) return none;
  if (compression === 'lz4') {
    // No byte of LZ4 stands for more than 255.
    if (size > packed.length * 255)
      throw new RangeError(`an LZ4 frame of ${packed.length} bytes claims ${size}`);
    const out = new Uint8Array(size);
    unpackLz4(packed, out);
    return out;
  }
  const out = unpackZstd(packed, size);
  if (out.length !== size) throw new RangeError(`a buffer of ${out.length} bytes claims ${size}`);
  // A copy: the next buffer is unpacked to the same place.
  return out.slice();
}

/** A view of the first `count` elements; a copy where they are not aligned. */
export function elements<T>(
  View: { new (buffer: ArrayBufferLike, at: number, count: number): T; BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
  count: number,
): T {
  const size = View.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice(0, count * size);
  return new View(aligned.buffer, aligned.byteOffset, count);
}
