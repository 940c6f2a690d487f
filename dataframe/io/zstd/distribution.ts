export const damagedData = () => new RangeError('zstd data is damaged');

/** Bits of a number whose lowest byte comes first, up to 16 of them; 0 behind the last byte. */
function bitsAt(bytes: Uint8Array, bit: number, count: number): number {
  const p = bit >> 3;
  const word = (bytes[p] ?? 0) | ((bytes[p + 1] ?? 0) << 8) | ((bytes[p + 2] ?? 0) << 16);
  return (word >>> (bit & 7)) & ((1 << count) - 1);
}

export interface DistributionHead {
  readonly symbols: number;
  /** Logarithm of the sum of all probabilities. */
  readonly log: number;
  /** Where it ends, in bytes. */
  readonly end: number;
}

/**
 * Reads the probabilities of symbols (RFC 8878, 4.1.1) to `counts`; -1 stands for "less than 1". Each takes as many bits as what is left to be shared needs.
 * @throws RangeError where they are more than `mostLog` and `lastSymbol` say, or not exactly all there is
 */
export function readDistribution(
  bytes: Uint8Array,
  from: number,
  mostLog: number,
  lastSymbol: number,
  counts: Uint16Array,
): DistributionHead {
  let bit = 8 * from + 4;
  const log = bitsAt(bytes, 8 * from, 4) + 5;
  if (log > mostLog) throw damagedData();
  let left = 1 << log;
  let symbol = 0;
  while (left > 0) {
    if (symbol > lastSymbol) throw damagedData();
    const width = 32 - Math.clz32(left + 1);
    // So many values take a bit less.
    const short = (1 << width) - 2 - left;
    const value = bitsAt(bytes, bit, width);
    const low = value & ((1 << (width - 1)) - 1);
    bit += low < short ? width - 1 : width;
    const count = (low < short ? low : value > low ? value - short : value) - 1;
    left -= Math.abs(count);
    counts[symbol++] = count;
    if (count !== 0) continue;
    for (let more = 3; more === 3; bit += 2) {
      more = bitsAt(bytes, bit, 2);
      if (symbol + more > lastSymbol + 1) throw damagedData();
      for (let i = 0; i < more; i++) counts[symbol++] = 0;
    }
  }
  const end = (bit + 7) >> 3;
  if (left < 0 || end > bytes.length) throw damagedData();
  return { symbols: symbol, log, end };
}
