import type { Batch } from '../column/column.js';
import type { SortKey } from '../physical/fragment.js';
import { Lent } from './lent.js';
import { firstRows, orderOf } from './radix.js';
import { sortWords } from './sort-words.js';

/**
 * The stable order of the rows: position → row. Order is numbers < NaN < null unless a key tells otherwise; −0 equals
 * 0, text goes by UTF-8 bytes.
 */
export function sortOrder(batch: Batch, by: readonly SortKey[]): Int32Array {
  return orderByWords(batch, by, batch.rows);
}

/** The first `wanted` rows of that order; the others are only told apart from them by leading digits. */
export function orderByWords(batch: Batch, by: readonly SortKey[], wanted: number): Int32Array {
  const { rows } = batch;
  const lent = new Lent();
  const { words, bits } = sortWords([batch], by, lent);
  const own = words[0]!;
  const order =
    wanted >= rows || own.length === 0
      ? orderOf(own, bits, rows, lent).subarray(0, wanted)
      : firstOrder(own, bits, rows, wanted);
  lent.giveBack();
  return order;
}

function firstOrder(
  words: readonly Uint32Array[],
  bits: readonly number[],
  rows: number,
  wanted: number,
): Int32Array {
  const among = firstRows(words[0]!, bits[0]!, rows, wanted);
  const order = orderOf(
    words.map(word => pick(word, among)),
    bits,
    among.length,
  );
  const out = new Int32Array(wanted);
  for (let p = 0; p < wanted; p++) out[p] = among[order[p]!]!;
  return out;
}

function pick(word: Uint32Array, rows: Int32Array): Uint32Array {
  const out = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = word[rows[i]!]!;
  return out;
}
