import type { Batch, Column } from '../column/column.js';
import { columnOf } from '../column/layout.js';
import { GroupTable } from './group.js';

/** Row pairs of a join, in probe order, then build order. right[k] = -1: no match (left joins). */
export interface JoinPairs {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly rows: number;
}

/** The build side of an equi-join: its rows by key. */
export class JoinTable {
  readonly build: Batch;
  readonly #table: GroupTable;
  /** Rows of group g: #rows[#starts[g] .. #starts[g + 1]), ascending. */
  readonly #starts: Int32Array;
  readonly #rows: Int32Array;

  constructor(build: Batch, on: readonly string[]) {
    this.build = build;
    const keys = on.map(name => columnOf(build, name));
    this.#table = new GroupTable(keys.map(key => key.type));
    const group = this.#table.assign(keys, build.rows);
    const live = liveRows(keys, build.rows);
    const starts = new Int32Array(this.#table.count + 1);
    for (let i = 0; i < build.rows; i++) if (live === null || live[i] === 1) starts[group[i]! + 1]!++;
    for (let g = 0; g < this.#table.count; g++) starts[g + 1]! += starts[g]!;
    const at = starts.slice();
    const rows = new Int32Array(starts.at(-1)!);
    for (let i = 0; i < build.rows; i++) {
      if (live === null || live[i] === 1) rows[at[group[i]!]!++] = i;
    }
    this.#starts = starts;
    this.#rows = rows;
  }

  /** Matches of each row; null keys match nothing. */
  probe(keys: readonly Column[], rows: number, keepUnmatched: boolean): JoinPairs {
    const group = this.#table.find(keys, rows, false);
    const starts = this.#starts;
    const matches = this.#rows;
    let total = 0;
    for (let i = 0; i < rows; i++) {
      const g = group[i]!;
      const n = g < 0 ? 0 : starts[g + 1]! - starts[g]!;
      total += n === 0 && keepUnmatched ? 1 : n;
    }
    const left = new Int32Array(total);
    const right = new Int32Array(total);
    let k = 0;
    for (let i = 0; i < rows; i++) {
      const g = group[i]!;
      const from = g < 0 ? 0 : starts[g]!;
      const to = g < 0 ? 0 : starts[g + 1]!;
      if (from === to && keepUnmatched) {
        left[k] = i;
        right[k++] = -1;
      }
      for (let m = from; m < to; m++) {
        left[k] = i;
        right[k++] = matches[m]!;
      }
    }
    return { left, right, rows: total };
  }
}

/** 1 for rows without a null key; null when there are no null keys. */
function liveRows(keys: readonly Column[], rows: number): Uint8Array | null {
  let live: Uint8Array | null = null;
  for (const { validity } of keys) {
    if (validity === null) continue;
    live ??= new Uint8Array(rows).fill(1);
    for (let i = 0; i < rows; i++) {
      if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) live[i] = 0;
    }
  }
  return live;
}
