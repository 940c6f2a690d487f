import type { Batch, Column } from '../column/column.js';
import { hashRows, sliceOfHash, slicesOf } from './hash.js';
import { takeBatch } from './take.js';

/** What becomes of rows with keys that are too frequent for one slice. */
export interface Spread {
  /** Of the keys. */
  readonly hashes: readonly number[];
  /** True: every slice gets all of these rows. False: they are dealt over all slices. */
  readonly copies: boolean;
}

/** Adjoining rows that are dealt to one slice: few enough to be even, enough to be read together. */
const blockShift = 10;

/** As hashSlices, but for the rows of frequent keys; `task` is where dealing them begins. Rows keep their order. */
export function spreadSlices(
  batch: Batch,
  keys: readonly Column[],
  fanOut: number,
  { hashes, copies }: Spread,
  task: number,
): Batch[] {
  const { rows } = batch;
  const frequent = new Set(hashes);
  const hash = hashRows(keys, rows);
  // Most rows are told apart by a few bits.
  const maybe = new Uint8Array(65_536);
  for (const h of hashes) maybe[h & 0xffff] = 1;
  const isFrequent = (h: number) => maybe[h & 0xffff] === 1 && frequent.has(h);
  const slice = new Uint16Array(rows);
  const counts = new Int32Array(fanOut);
  let seen = 0;
  for (let i = 0; i < rows; i++) {
    const h = hash[i]!;
    let s = sliceOfHash(h, fanOut);
    if (isFrequent(h)) {
      s = copies ? fanOut : (task + (seen >> blockShift)) % fanOut;
      seen++;
    }
    slice[i] = s;
    if (s < fanOut) counts[s]!++;
  }
  if (!copies || seen === 0) return slicesOf(batch, slice, counts);
  return copiedSlices(batch, slice, counts, seen);
}

/** Rows of slice `counts.length` are `common` ones that go to all. */
function copiedSlices(batch: Batch, slice: Uint16Array, counts: Int32Array, common: number): Batch[] {
  const fanOut = counts.length;
  const orders = Array.from(counts, count => new Int32Array(count + common));
  const at = new Int32Array(fanOut);
  for (let i = 0; i < slice.length; i++) {
    const s = slice[i]!;
    if (s < fanOut) orders[s]![at[s]!++] = i;
    else for (let each = 0; each < fanOut; each++) orders[each]![at[each]!++] = i;
  }
  return orders.map(order => takeBatch(batch, order, order.length));
}

/** Hashes that at least one in `most` rows has, with the number of those rows. */
export function frequentHashes(hashes: readonly Int32Array[], most: number): Map<number, number> {
  const counts = new Map<number, number>();
  let rows = 0;
  for (const part of hashes) {
    rows += part.length;
    for (let i = 0; i < part.length; i++) counts.set(part[i]!, (counts.get(part[i]!) ?? 0) + 1);
  }
  return new Map([...counts].filter(([, count]) => count * most >= rows));
}
