import type { Physical, Values } from '../../column/column.js';
import { allocateValues, bytesOfValues, elementsPerValue, viewValues } from '../../column/layout.js';
import type { Lent } from '../../kernels/lent.js';
import { fewBytes } from '../../kernels/scratch.js';
import { gatherValues } from '../../kernels/take.js';

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
  /** 1 = valid; null: all that were taken. */
  flags: Uint8Array | null = null;
  readonly #physical: Physical;
  readonly #width: number;
  readonly #many: boolean;
  #next = 0;

  /** `many`: values are lent, and kernels gather them. */
  constructor(rows: Int32Array, physical: Physical, many: Lent | null) {
    this.rows = rows;
    this.#physical = physical;
    this.#many = many !== null;
    this.values =
      many === null ? allocateValues(physical, rows.length) : lentValues(physical, rows.length, many);
    this.#width = elementsPerValue(physical);
  }

  /** True when none of rows [from, to) is wanted. Asked in ascending order. */
  none(from: number, to: number): boolean {
    const next = this.rows[this.#next];
    return next === undefined || next < from || next >= to;
  }

  /** The wanted rows before `to` that were not taken yet. */
  before(to: number): Int32Array {
    const { rows } = this;
    let end = this.#next;
    for (let last = rows.length; end < last; ) {
      const middle = (end + last) >> 1;
      if (rows[middle]! < to) end = middle + 1;
      else last = middle;
    }
    return rows.subarray(this.#next, end);
  }

  /** How many were taken. */
  get next(): number {
    return this.#next;
  }

  /** So many more are in `values` by now. */
  taken(rows: number): void {
    this.#next += rows;
  }

  /** Takes the wanted ones of rows [from, to) of the whole column. */
  take(all: Values, flags: Uint8Array | null, from: number, to: number): void {
    const { rows, values } = this;
    const width = this.#width;
    if (this.#many) {
      const some = this.before(to);
      const out = values.subarray(this.#next * width, (this.#next + some.length) * width) as Values;
      gatherValues(this.#physical, all, some, out);
      if (flags === null) {
        this.#next += some.length;
        return;
      }
    }
    const own = flags === null ? null : (this.flags ??= new Uint8Array(rows.length).fill(1));
    for (; this.#next < rows.length && rows[this.#next]! < to; this.#next++) {
      const k = this.#next;
      const row = rows[k]!;
      if (!this.#many) for (let w = 0; w < width; w++) values[k * width + w] = all[row * width + w]!;
      if (own !== null && row >= from) own[k] = flags![row]!;
    }
  }
}

/** Where kernels find them, however few they are. */
function lentValues(physical: Physical, rows: number, lent: Lent): Values {
  const { buffer, byteOffset } = lent.bytes(Math.max(fewBytes, bytesOfValues(physical, rows)));
  return viewValues(physical, buffer, byteOffset, rows);
}
