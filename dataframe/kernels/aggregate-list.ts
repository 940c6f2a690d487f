import { packValidity } from '../column/bitmap.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import type { Accumulator } from './accumulator.js';
import { GroupValues } from './group-values.js';

/** The values of each group that are not null, in row order; null for a group without any. */
export class ListAccumulator implements Accumulator {
  readonly #values: GroupValues;
  #groups = 0;

  constructor(type: DataType) {
    this.#values = new GroupValues(type);
  }

  resize(groups: number): void {
    this.#groups = groups;
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    this.#values.add(column!, group, rows, mask);
  }

  state(): Column[] {
    return [this.#values.lists(this.#groups)];
  }

  merge(state: readonly Column[], group: Int32Array): void {
    this.#values.addLists(state[0]!, group);
  }

  result(): Column {
    return nullWhereEmpty(this.#values.lists(this.#groups));
  }
}

/** The aggregate of nothing is null. */
export function nullWhereEmpty(lists: Column): Column {
  const offsets = lists.values as Int32Array;
  const flags = new Uint8Array(lists.length);
  for (let g = 0; g < lists.length; g++) flags[g] = offsets[g + 1]! > offsets[g]! ? 1 : 0;
  return { ...lists, ...packValidity(flags, lists.length) };
}
