import type { Dictionary } from '../column/column.js';
import { orderOf } from './radix.js';

/** Bytes of an entry, behind what all begin with, that go into words of four: what is equal in them is compared whole. */
const wordedBytes = 16;

/** Position of each entry in UTF-8 byte order; equal entries share one. */
export function rankEntries(dictionary: Dictionary): Int32Array {
  const { length } = dictionary;
  const words = leadingWords(dictionary);
  const order = orderOf(
    words.map((word, w) => (w === 0 ? word.slice() : word)),
    words.map(() => 32),
    length,
  );
  const out = new Int32Array(length);
  let rank = 0;
  for (let p = 0; p < length; ) {
    let end = p + 1;
    while (end < length && words.every(word => word[order[end]!] === word[order[p]!])) end++;
    if (end - p > 1) order.subarray(p, end).sort((a, b) => compareEntries(dictionary, a, b));
    for (let q = p; q < end; q++) {
      if (q > p && compareEntries(dictionary, order[q - 1]!, order[q]!) !== 0) rank++;
      out[order[q]!] = rank;
    }
    rank++;
    p = end;
  }
  return out;
}

/** Words of big-endian bytes, zeros behind the end. */
function leadingWords(dictionary: Dictionary): Uint32Array[] {
  const { length, offsets, bytes } = dictionary;
  const shared = commonBytes(dictionary);
  let longest = 0;
  for (let i = 0; i < length; i++) longest = Math.max(longest, offsets[i + 1]! - offsets[i]!);
  const count = Math.ceil(Math.min(wordedBytes, longest - shared) / 4);
  return Array.from({ length: count }, (_, w) => {
    const word = new Uint32Array(length);
    for (let i = 0; i < length; i++) {
      const end = offsets[i + 1]!;
      let value = 0;
      for (let k = offsets[i]! + shared + 4 * w, q = 0; q < 4; k++, q++) {
        value = (value << 8) | (k < end ? bytes[k]! : 0);
      }
      word[i] = value;
    }
    return word;
  });
}

/** Bytes with which all entries begin. */
function commonBytes({ length, offsets, bytes }: Dictionary): number {
  if (length === 0) return 0;
  const first = offsets[0]!;
  let common = offsets[1]! - first;
  for (let i = 1; i < length && common > 0; i++) {
    const from = offsets[i]!;
    const most = Math.min(common, offsets[i + 1]! - from);
    let k = 0;
    while (k < most && bytes[first + k] === bytes[from + k]) k++;
    common = k;
  }
  return common;
}

function compareEntries({ offsets, bytes }: Dictionary, a: number, b: number): number {
  const [from, to] = [offsets[a]!, offsets[a + 1]!];
  const [otherFrom, otherTo] = [offsets[b]!, offsets[b + 1]!];
  return Buffer.compare(bytes.subarray(from, to), bytes.subarray(otherFrom, otherTo));
}
