/** Miniblocks of a block: writers use 4. */
const maxMiniblocks = 4096;
const maxBlockValues = 1 << 24;

/**
 * The first `count` values of DELTA_BINARY_PACKED into `out`: one word each, or two (low, high) for 64 bits. Sums wrap, as the
 * format says. No BigInt: 64-bit numbers are kept as two halves.
 * @returns the position after all of its values
 */
export function unpackDeltas(
  page: Uint8Array,
  from: number,
  count: number,
  out: Int32Array,
  words: 1 | 2,
): number {
  const reader = new HalfReader(page, from);
  const blockValues = reader.length();
  const miniblocks = reader.length();
  const total = reader.length();
  if (
    miniblocks < 1 ||
    miniblocks > maxMiniblocks ||
    blockValues < miniblocks ||
    blockValues > maxBlockValues ||
    blockValues % miniblocks !== 0 ||
    !(total >= count)
  ) {
    throw new RangeError(
      `delta data of ${total} values in ${miniblocks} miniblocks of a block of ${blockValues}, where ${count} values belong`,
    );
  }
  reader.zigzag();
  let { low, high } = reader;
  const perMiniblock = blockValues / miniblocks;
  for (let i = 0; i < total; ) {
    if (i === 0) {
      i = store(out, words, i, low, high);
      continue;
    }
    reader.zigzag();
    const minLow = reader.low;
    const minHigh = reader.high;
    const widths = reader.take(miniblocks);
    for (let m = 0; m < miniblocks && i < total; m++) {
      const width = widths[m]!;
      const used = Math.min(perMiniblock, total - i);
      const bits = reader.bits(width, used, perMiniblock);
      const next = i + used;
      for (let k = 0, wanted = Math.min(used, count - i); k < wanted; k++) {
        readBits(bits, k * width, width, reader);
        // (high, low) += min + field, with carries.
        const a = (low >>> 0) + (minLow >>> 0) + (reader.low >>> 0);
        low = a | 0;
        high = (high + minHigh + reader.high + Math.floor(a / 4_294_967_296)) | 0;
        i = store(out, words, i, low, high);
      }
      i = next;
    }
  }
  return reader.position;
}

function store(out: Int32Array, words: 1 | 2, i: number, low: number, high: number): number {
  out[words * i] = low;
  if (words === 2) {
    out[2 * i + 1] = high;
  }
  return i + 1;
}

/** Up to 64 bits from bit `at` on, little-endian, to reader.low and reader.high. */
function readBits(bytes: Uint8Array, at: number, width: number, reader: HalfReader): void {
  let low = 0;
  let high = 0;
  let done = 0;
  let p = at >>> 3;
  let skip = at & 7;
  while (done < width) {
    const take = Math.min(8 - skip, width - done);
    const field = (bytes[p++]! >>> skip) & ((1 << take) - 1);
    if (done < 32) {
      low |= field << done;
      high |= done + take > 32 ? field >>> (32 - done) : 0;
    } else {
      high |= field << (done - 32);
    }
    done += take;
    skip = 0;
  }
  reader.low = low;
  reader.high = high;
}

/** Reads variable-length integers as two 32-bit halves. */
class HalfReader {
  low = 0;
  high = 0;
  position: number;
  #page: Uint8Array;

  constructor(page: Uint8Array, position: number) {
    this.#page = page;
    this.position = position;
  }

  /** A small unsigned number. */
  length(): number {
    this.#varint();
    return this.high !== 0 || this.low < 0 ? Number.NaN : this.low;
  }

  zigzag(): void {
    this.#varint();
    const sign = -(this.low & 1);
    this.low = ((this.low >>> 1) | (this.high << 31)) ^ sign;
    this.high = (this.high >>> 1) ^ sign;
  }

  take(bytes: number): Uint8Array {
    if (this.position + bytes > this.#page.length) {
      throw new RangeError('delta data ends too early');
    }
    this.position += bytes;
    return this.#page.subarray(this.position - bytes, this.position);
  }

  /** A miniblock of which `used` fields count; the rest is padding, which the last one may lack. */
  bits(width: number, used: number, fields: number): Uint8Array {
    if (width > 64) {
      throw new RangeError(`delta data of ${width} bits`);
    }
    const whole = Math.ceil((width * fields) / 8);
    const needed = Math.ceil((width * used) / 8);
    const bytes = this.take(Math.max(needed, Math.min(whole, this.#page.length - this.position)));
    return bytes;
  }

  #varint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.position >= this.#page.length) {
        throw new RangeError('delta data ends too early');
      }
      const byte = this.#page[this.position++]!;
      const field = byte & 0x7f;
      if (shift < 28) {
        low |= field << shift;
      } else if (shift === 28) {
        low |= field << 28;
        high |= field >>> 4;
      } else {
        high |= field << (shift - 32);
      }
      if (byte < 0x80) {
        this.low = low;
        this.high = high;
        return;
      }
    }
    throw new RangeError('a number of more than 64 bits');
  }
}
