import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn, nullColumn } from '../column/layout.js';
import { type Accumulator, grown } from './accumulator.js';
import { compactColumn, concatColumns } from './concat.js';
import { takeColumn, takeOptional } from './take.js';

/** first and last: nulls count as values; the order is that of the rows, then of the merged partitions. */
export class EdgeAccumulator implements Accumulator {
  readonly #type: DataType;
  readonly #last: boolean;
  #groups = 0;
  /** Position of the group's value in the chunks, plus 1; 0: no row yet. */
  #at = new Int32Array(0);
  #chunks: Column[] = [];
  #kept = 0;

  constructor(type: DataType, last: boolean) {
    this.#type = type;
    this.#last = last;
  }

  resize(groups: number): void {
    this.#groups = groups;
    this.#at = grown(this.#at, groups);
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    const input = column!;
    const rowOf = new Int32Array(this.#groups).fill(-1);
    const touched: number[] = [];
    for (let i = 0; i < rows; i++) {
      if (mask !== null && mask[i] === 0) continue;
      const g = group[i]!;
      if (rowOf[g]! < 0) {
        if (!this.#last && this.#at[g] !== 0) continue;
        touched.push(g);
        rowOf[g] = i;
      } else if (this.#last) rowOf[g] = i;
    }
    if (touched.length === 0) return;
    const chosen = new Int32Array(touched.length);
    touched.forEach((g, k) => {
      chosen[k] = rowOf[g]!;
      this.#at[g] = this.#kept + k + 1;
    });
    this.#chunks.push(compactColumn(takeColumn(input, chosen, chosen.length)));
    this.#kept += chosen.length;
    // Values that later batches replaced are dropped once they outnumber the groups.
    if (this.#chunks.length > 16 && this.#kept > 4 * this.#groups) this.#squeeze();
  }

  state(): Column[] {
    const present = new Uint8Array(this.#groups);
    for (let g = 0; g < this.#groups; g++) present[g] = this.#at[g] === 0 ? 0 : 1;
    return [this.result(), denseColumn(DataType.Bool, 'bool', this.#groups, present)];
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    this.update(state[0]!, group, rows, state[1]!.values as Uint8Array);
  }

  result(): Column {
    const n = this.#groups;
    if (this.#chunks.length === 0) return nullColumn(this.#type, n);
    const at = new Int32Array(n);
    for (let g = 0; g < n; g++) at[g] = this.#at[g]! - 1;
    return takeOptional(concatColumns(this.#chunks, this.#kept), at, n);
  }

  #squeeze(): void {
    const live: number[] = [];
    for (let g = 0; g < this.#groups; g++) {
      if (this.#at[g] !== 0) live.push(g);
    }
    const at = Int32Array.from(live, g => this.#at[g]! - 1);
    this.#chunks = [takeColumn(concatColumns(this.#chunks, this.#kept), at, at.length)];
    live.forEach((g, k) => {
      this.#at[g] = k + 1;
    });
    this.#kept = live.length;
  }
}
