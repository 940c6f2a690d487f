/**
 * Decodes `count` values of Parquet's RLE / bit-packed hybrid in bytes[from, to) to out[at...].
 * Reads past `to` never happen: a run that claims more than there is raises RangeError.
 * @returns the position after the last run that was read
 */
export function decodeHybrid(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  out: Int32Array | Uint8Array,
  at: number,
  count: number,
): number {
  const end = at + count;
  const valueBytes = (width + 7) >> 3;
  let p = from;
  while (at < end) {
    let header = 0;
    let shift = 0;
    for (;;) {
      if (p >= to || shift > 28) {
        throw new RangeError('run-length data ends too early');
      }
      const byte = bytes[p++]!;
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        break;
      }
      shift += 7;
    }
    if ((header & 1) === 1) {
      const runBytes = (header >>> 1) * width;
      const values = Math.min((header >>> 1) * 8, end - at);
      // Writers may leave out the padding of the last run.
      if (p + Math.ceil((values * width) / 8) > to) {
        throw new RangeError('bit-packed data ends too early');
      }
      unpackBits(bytes, p, width, out, at, values);
      at += values;
      p = Math.min(p + runBytes, to);
    } else {
      const run = Math.min(header >>> 1, end - at);
      if (p + valueBytes > to || run === 0) {
        throw new RangeError('run-length data ends too early');
      }
      let value = 0;
      for (let i = 0; i < valueBytes; i++) {
        value |= bytes[p++]! << (i * 8);
      }
      out.fill(value, at, at + run);
      at += run;
    }
  }
  return p;
}

/** Little-endian bit fields of `width` <= 32 bits. Bytes past the end count as 0. */
function unpackBits(
  bytes: Uint8Array,
  from: number,
  width: number,
  out: Int32Array | Uint8Array,
  at: number,
  count: number,
): void {
  if (width === 8) {
    for (let i = 0; i < count; i++) {
      out[at + i] = bytes[from + i]!;
    }
    return;
  }
  const mask = width === 32 ? -1 : (1 << width) - 1;
  // Four bytes hold any field of at most 25 bits; the last fields go the careful way, so that no read is out of bounds.
  const safe =
    width > 25 ? 0 : Math.min(count, Math.max(0, Math.floor(((bytes.length - from - 4) * 8) / width)));
  let bit = 0;
  for (let i = 0; i < safe; i++) {
    const p = from + (bit >>> 3);
    const word = bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24);
    out[at + i] = (word >>> (bit & 7)) & mask;
    bit += width;
  }
  for (let i = safe; i < count; i++) {
    const p = from + Math.floor((i * width) / 8);
    const shift = (i * width) & 7;
    const low =
      byteAt(bytes, p) |
      (byteAt(bytes, p + 1) << 8) |
      (byteAt(bytes, p + 2) << 16) |
      (byteAt(bytes, p + 3) << 24);
    const high = shift === 0 ? 0 : byteAt(bytes, p + 4) << (32 - shift);
    out[at + i] = ((low >>> shift) | high) & mask;
  }
}

function byteAt(bytes: Uint8Array, index: number): number {
  return index < bytes.length ? bytes[index]! : 0;
}
