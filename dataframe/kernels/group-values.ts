import { compileText } from '../codegen/wasm/kernel.js';
import type { Column, Physical, Values } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { allocateValues, denseColumn, isNested } from '../column/layout.js';
import { concatColumns } from './concat.js';
import type { Lent } from './lent.js';
import { emptyLists, itemGroups, listColumn } from './list.js';
import { takeColumn } from './take.js';

interface Chunk {
  readonly values: Column;
  readonly group: Int32Array;
  /** 1 for rows that are wanted; null: all. Those are not null. */
  readonly mask: Uint8Array | null;
}

type Count = (
  group: Int32Array,
  mask: Uint8Array | null,
  count: Int32Array,
  from: number,
  rows: number,
) => void;
type Scatter = (
  src: Values,
  group: Int32Array,
  mask: Uint8Array | null,
  at: Int32Array,
  out: Values,
  from: number,
  rows: number,
) => void;

const skipText = (masked: boolean) => (masked ? 'if(mask[i]===0)continue;' : '');

function countRows(masked: boolean, rows: number): Count {
  return compileText<Count>(
    ['group', 'mask', 'count', 'from', 'rows'],
    `/* count */for(let i=from;i<rows;i++){${skipText(masked)}count[group[i]]++;}`,
    rows,
  );
}

function scatterRows(physical: Physical, masked: boolean, rows: number): Scatter {
  return compileText<Scatter>(
    ['src', 'group', 'mask', 'at', 'out', 'from', 'rows'],
    `/* scatter ${physical} */for(let i=from;i<rows;i++){${skipText(masked)}const g=group[i],k=at[g];at[g]=k+1|0;out[k]=src[i];}`,
    rows,
  );
}

/** True where values can be copied one by one without looking at more than their array. */
function isPlain({ physical, type }: Column): boolean {
  return physical !== 'code' && physical !== 'i64' && !isNested(type);
}

/** Only the rows that are wanted. */
function wanted(chunk: Chunk): Chunk {
  const { values, group, mask } = chunk;
  if (mask === null) return chunk;
  const at = new Int32Array(group.length);
  let n = 0;
  for (let i = 0; i < group.length; i++) if (mask[i] !== 0) at[n++] = i;
  const kept = new Int32Array(n);
  for (let k = 0; k < n; k++) kept[k] = group[at[k]!]!;
  return { values: takeColumn(values, at, n), group: kept, mask: null };
}

/**
 * The values of each group, kept until they are asked for: rows as they came with their group numbers, then laid out
 * by group with one counting sort. Nulls are left out; the order within a group is that of the rows.
 */
export class GroupValues {
  readonly #type: DataType;
  readonly #lent: Lent | undefined;
  #chunks: Chunk[] = [];
  #rows = 0;

  /** With `lent` the values laid out are lent. */
  constructor(type: DataType, lent?: Lent) {
    this.#type = type;
    this.#lent = lent;
  }

  /** Values held. */
  get rows(): number {
    return this.#rows;
  }

  /** Adds rows; those with mask[i] = 0 and nulls are left out. Nothing is copied. */
  add(column: Column, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    if (column.type.kind === 'null') return;
    let kept = rows;
    if (mask !== null) {
      kept = 0;
      for (let i = 0; i < rows; i++) kept += mask[i]!;
    }
    this.#keep({ values: column, group: group.subarray(0, rows), mask }, kept);
  }

  /** Adds the items of list columns: `group` is that of each list. */
  addLists(lists: Column, group: Int32Array): void {
    const rows = itemGroups(lists, group);
    this.#keep({ values: lists.items!, group: rows, mask: null }, rows.length);
  }

  clear(): void {
    this.#chunks = [];
    this.#rows = 0;
  }

  /** One list per group, empty where nothing came. */
  lists(groups: number): Column {
    if (this.#rows === 0) return emptyLists(this.#type, groups);
    const offsets = new Int32Array(groups + 1);
    const counts = offsets.subarray(1);
    for (const { group, mask } of this.#chunks)
      countRows(mask !== null, group.length)(group, mask, counts, 0, group.length);
    for (let g = 0; g < groups; g++) offsets[g + 1]! += offsets[g]!;
    return listColumn(this.#laidOut(offsets), offsets);
  }

  #keep(chunk: Chunk, rows: number): void {
    if (rows === 0) return;
    this.#chunks.push(chunk);
    this.#rows += rows;
  }

  #laidOut(offsets: Int32Array): Column {
    const { physical, type } = this.#chunks[0]!.values;
    const at = offsets.slice();
    if (this.#chunks.every(({ values }) => isPlain(values) && values.physical === physical)) {
      const out = this.#lent?.values(physical, this.#rows) ?? allocateValues(physical, this.#rows);
      for (const { values, group, mask } of this.#chunks) {
        const rows = group.length;
        scatterRows(physical, mask !== null, rows)(values.values, group, mask, at, out, 0, rows);
      }
      return denseColumn(type, physical, this.#rows, out);
    }
    const chunks = this.#chunks.map(wanted);
    const whole = concatColumns(
      chunks.map(chunk => chunk.values),
      this.#rows,
    );
    const order = new Int32Array(this.#rows);
    let row = 0;
    for (const { group } of chunks) {
      for (let i = 0; i < group.length; i++) order[at[group[i]!]!++] = row++;
    }
    return takeColumn(whole, order, this.#rows);
  }
}
