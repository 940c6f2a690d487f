import { compile } from '../codegen/compile.js';
import type { Column, Physical, Values } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { allocateValues, denseColumn } from '../column/layout.js';
import { concatColumns } from './concat.js';
import { emptyLists, itemGroups, listColumn } from './list.js';
import { takeColumn } from './take.js';

interface Chunk {
  /** Without nulls. */
  readonly values: Column;
  readonly group: Int32Array;
}

type Count = (group: Int32Array, count: Int32Array, rows: number) => void;
type Scatter = (src: Values, group: Int32Array, at: Int32Array, out: Values, rows: number) => void;

const countRows = compile<Count>(['group', 'count', 'rows'], 'for(let i=0;i<rows;i++)count[group[i]+1]++;');

function scatterRows(physical: Physical): Scatter {
  return compile<Scatter>(
    ['src', 'group', 'at', 'out', 'rows'],
    `/* scatter ${physical} */for(let i=0;i<rows;i++)out[at[group[i]]++]=src[i];`,
  );
}

/**
 * The values of each group, kept until they are asked for: rows as they came with their group numbers, then laid out
 * by group with one counting sort. Nulls are left out; the order within a group is that of the rows.
 */
export class GroupValues {
  readonly #type: DataType;
  #chunks: Chunk[] = [];
  #rows = 0;

  constructor(type: DataType) {
    this.#type = type;
  }

  /** Values held. */
  get rows(): number {
    return this.#rows;
  }

  /** Adds rows; those with mask[i] = 0 and nulls are left out. `group` is copied. */
  add(column: Column, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    if (column.type.kind === 'null') return;
    if (mask === null) {
      this.#keep({ values: column, group: group.slice(0, rows) });
      return;
    }
    const at = new Int32Array(rows);
    let n = 0;
    for (let i = 0; i < rows; i++) if (mask[i] !== 0) at[n++] = i;
    const kept = new Int32Array(n);
    for (let k = 0; k < n; k++) kept[k] = group[at[k]!]!;
    this.#keep({ values: takeColumn(column, at, n), group: kept });
  }

  /** Adds the items of list columns: `group` is that of each list. */
  addLists(lists: Column, group: Int32Array): void {
    const rows = itemGroups(lists, group);
    this.#keep({ values: lists.items!, group: rows });
  }

  clear(): void {
    this.#chunks = [];
    this.#rows = 0;
  }

  /** One list per group, empty where nothing came. */
  lists(groups: number): Column {
    if (this.#rows === 0) return emptyLists(this.#type, groups);
    const offsets = new Int32Array(groups + 1);
    for (const { group } of this.#chunks) countRows(group, offsets, group.length);
    for (let g = 0; g < groups; g++) offsets[g + 1]! += offsets[g]!;
    return listColumn(this.#laidOut(offsets), offsets);
  }

  #keep(chunk: Chunk): void {
    if (chunk.group.length === 0) return;
    this.#chunks.push(chunk);
    this.#rows += chunk.group.length;
  }

  #laidOut(offsets: Int32Array): Column {
    const { physical, type } = this.#chunks[0]!.values;
    const plain = physical !== 'code' && physical !== 'list' && physical !== 'i64';
    const at = offsets.slice();
    if (plain && this.#chunks.every(chunk => chunk.values.physical === physical)) {
      const out = allocateValues(physical, this.#rows);
      const scatter = scatterRows(physical);
      for (const { values, group } of this.#chunks) scatter(values.values, group, at, out, group.length);
      return denseColumn(type, physical, this.#rows, out);
    }
    const whole = concatColumns(
      this.#chunks.map(chunk => chunk.values),
      this.#rows,
    );
    const order = new Int32Array(this.#rows);
    let row = 0;
    for (const { group } of this.#chunks) {
      for (let i = 0; i < group.length; i++) order[at[group[i]!]!++] = row++;
    }
    return takeColumn(whole, order, this.#rows);
  }
}
