import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import type { Accumulator } from './accumulator.js';
import { comparableColumn } from './distinct-text.js';
import { GroupTable } from './group.js';
import { GroupValues } from './group-values.js';
import { itemGroups } from './list.js';
import { takeColumn } from './take.js';

/** Exact number of distinct values per group; null is none. The state is the distinct values of each group. */
export class DistinctAccumulator implements Accumulator {
  readonly #type: DataType;
  readonly #table: GroupTable;
  #groups = 0;

  constructor(type: DataType) {
    this.#type = type;
    this.#table = new GroupTable([DataType.Int32, type]);
  }

  resize(groups: number): void {
    this.#groups = groups;
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    if (column!.type.kind === 'null' || rows === 0) return;
    const input = comparableColumn(column!);
    if (mask === null) {
      this.#table.assign([denseColumn(DataType.Int32, 'i32', rows, group.subarray(0, rows)), input], rows);
      return;
    }
    const at = new Int32Array(rows);
    let n = 0;
    for (let i = 0; i < rows; i++) if (mask[i] !== 0) at[n++] = i;
    if (n === 0) return;
    const groups = takeColumn(denseColumn(DataType.Int32, 'i32', rows, group), at, n);
    this.#table.assign([groups, takeColumn(input, at, n)], n);
  }

  state(): Column[] {
    const [groups, values] = this.#table.keyColumns();
    const byGroup = new GroupValues(this.#type);
    byGroup.add(values!, groups!.values as Int32Array, values!.length, null);
    return [byGroup.lists(this.#groups)];
  }

  merge(state: readonly Column[], group: Int32Array): void {
    const lists = state[0]!;
    const rows = itemGroups(lists, group);
    this.update(lists.items!, rows, rows.length, null);
  }

  result(): Column {
    const counts = new Float64Array(this.#groups);
    const groups = this.#table.keyColumns()[0]!.values;
    for (let k = 0; k < groups.length; k++) counts[groups[k]!]!++;
    return denseColumn(DataType.Int64, 'f64', this.#groups, counts);
  }
}
