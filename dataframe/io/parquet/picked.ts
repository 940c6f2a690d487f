import type { Physical, Values } from '../../column/column.js';
import { allocateValues, elementsPerValue } from '../../column/layout.js';

/** Parts of equally many picked rows that are looked at. */
const parts = 64;

/** Whether ascending picked rows lie all over the `rows`: no large part is without any. */
export function isSpread(picked: Int32Array, rows: number): boolean {
  let before = 0;
  for (let part = 1; part <= parts; part++) {
    const row = picked[Math.floor((part * picked.length) / parts) - 1] ?? 0;
    if (row - before > (4 * rows) / parts) return false;
    before = row;
  }
  return rows - before <= (4 * rows) / parts;
}

/** The rows of a batch that are wanted of a column, ascending, gathered page by page. */
export class Picked {
  readonly rows: Int32Array;
  readonly values: Values;
  /** 1 = valid. */
  readonly flags: Uint8Array;
  readonly #width: number;
  #next = 0;

  constructor(rows: Int32Array, physical: Physical) {
    this.rows = rows;
    this.values = allocateValues(physical, rows.length);
    this.flags = new Uint8Array(rows.length).fill(1);
    this.#width = elementsPerValue(physical);
  }

  /** True when none of rows [from, to) is wanted. Asked in ascending order. */
  none(from: number, to: number): boolean {
    const next = this.rows[this.#next];
    return next === undefined || next < from || next >= to;
  }

  /** The wanted rows before `to` that were not taken yet. */
  before(to: number): Int32Array {
    let end = this.#next;
    while (end < this.rows.length && this.rows[end]! < to) end++;
    return this.rows.subarray(this.#next, end);
  }

  /** Takes the wanted ones of rows [from, to) of the whole column. */
  take(all: Values, flags: Uint8Array | null, from: number, to: number): void {
    const { rows, values } = this;
    const width = this.#width;
    for (; this.#next < rows.length && rows[this.#next]! < to; this.#next++) {
      const k = this.#next;
      const row = rows[k]!;
      for (let w = 0; w < width; w++) values[k * width + w] = all[row * width + w]!;
      if (flags !== null && row >= from) this.flags[k] = flags[row]!;
    }
  }
}
