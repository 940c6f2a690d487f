import { compile } from '../codegen/compile.js';
import { compileText } from '../codegen/wasm/kernel.js';
import type { Batch, Column, Values } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn, isCoded, physicalOf } from '../column/layout.js';
import { type Accumulator, grownLent } from './accumulator.js';
import { nullWhereEmpty } from './aggregate-list.js';
import { GroupValues } from './group-values.js';
import type { Lent } from './lent.js';
import { itemGroups, itemRows, listColumn } from './list.js';
import { sortOrder } from './sort.js';
import { takeColumn } from './take.js';

/** Values per group up to which they are kept sorted in slots. */
const slotsPerGroup = 16;
/** Values per group up to which the code for each slot is written out. */
const openSlots = 4;

/** The n largest (or smallest) values of each group as a list, best first; null for a group without any. */
export function topAccumulator(type: DataType, n: number, largest: boolean, lent: Lent): Accumulator {
  const sorted = isCoded(type) || type.kind === 'null' || n > slotsPerGroup;
  return sorted ? new SortedTop(type, n, largest) : new SlotTop(type, n, largest, lent);
}

type Insert = (
  values: unknown,
  group: Int32Array,
  mask: Uint8Array | null,
  best: Float64Array,
  count: Int32Array,
  n: number,
  from: number,
  rows: number,
) => number;
const insertParameters = ['values', 'group', 'mask', 'best', 'count', 'n', 'from', 'rows'];

const isFloat = (column: Column) => column.physical === 'f32' || column.physical === 'f64';

/** Keeps `count` values per group. NaN is above every number. */
function insertCounted(column: Column, largest: boolean, masked: boolean): string {
  const op = largest ? '>' : '<';
  const better = (a: string, b: string) => {
    if (!isFloat(column)) return `${a}${op}${b}`;
    const nan = largest ? `(${a}!==${a}&&${b}===${b})` : `(${b}!==${b}&&${a}===${a})`;
    return `(${a}${op}${b}||${nan})`;
  };
  const skip = masked ? 'if(mask[i]===0)continue;' : '';
  return `/* top ${column.physical} */for(let i=from;i<rows;i++){${skip}const g=group[i],x=values[i],b=g*n;
const c=count[g];let j;if(c===n){const y=best[b+n-1];if(!(${better('x', 'y')}))continue;j=b+n-1;}else{count[g]=c+1;j=b+c;}
while(j>b){const y=best[j-1];if(!(${better('x', 'y')}))break;best[j]=y;j--;}best[j]=x;}return rows;`;
}

/**
 * Slots not in use hold the worst of all numbers, so that a value needs no count to find its place. Stops at a value
 * for which that does not work: NaN, and the worst number itself. Without branches on values, which cannot be foretold
 * (5 instead of 9 ns): each slot keeps the better one and hands the other down.
 */
function insertOpen(column: Column, n: number, largest: boolean, masked: boolean): string {
  const op = largest ? '>' : '<';
  const worst = largest ? '-Infinity' : 'Infinity';
  const stop = isFloat(column) ? `if(x0!==x0||x0===${worst})return i;` : '';
  const skip = masked ? 'if(mask[i]===0)continue;' : '';
  const slots = Array.from(
    { length: n },
    (_, k) =>
      `const y${k}=best[b+${k}];best[b+${k}]=x${k}${op}y${k}?x${k}:y${k};${k === n - 1 ? '' : `const x${k + 1}=x${k}${op}y${k}?y${k}:x${k};`}`,
  );
  return `/* open top ${column.physical} */for(let i=from;i<rows;i++){${skip}const x0=values[i];${stop}const b=Math.imul(group[i],${n});${slots.join('')}}return rows;`;
}

/** A few numbers per group: insertion into sorted slots. 64-bit integers beyond 2^53 move to SortedTop. */
class SlotTop implements Accumulator {
  readonly #type: DataType;
  readonly #n: number;
  readonly #largest: boolean;
  readonly #lent: Lent;
  #groups = 0;
  #room = 0;
  #best: Float64Array = new Float64Array(0);
  #count: Int32Array = new Int32Array(0);
  #wide: SortedTop | null = null;
  /** While true, slots that hold the worst number are free and nothing is counted. */
  #open: boolean;

  constructor(type: DataType, n: number, largest: boolean, lent: Lent) {
    this.#type = type;
    this.#lent = lent;
    this.#n = n;
    this.#largest = largest;
    this.#open = n <= openSlots;
  }

  resize(groups: number): void {
    this.#groups = groups;
    this.#wide?.resize(groups);
    if (groups <= this.#room) return;
    this.#best = grownLent(this.#best, groups * this.#n, this.#lent);
    this.#count = grownLent(this.#count, groups, this.#lent);
    const room = Math.min(this.#count.length, Math.floor(this.#best.length / this.#n));
    this.#best.fill(this.#largest ? -Infinity : Infinity, this.#room * this.#n, room * this.#n);
    this.#room = room;
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    const input = column!;
    if (input.physical === 'i64') this.#widen();
    if (this.#wide !== null) {
      this.#wide.update(input, group, rows, mask);
      return;
    }
    let from = 0;
    if (this.#open) {
      from = this.#insert(
        input,
        group,
        rows,
        mask,
        from,
        insertOpen(input, this.#n, this.#largest, mask !== null),
      );
      if (from < rows) this.#close();
    }
    if (from < rows) {
      this.#insert(input, group, rows, mask, from, insertCounted(input, this.#largest, mask !== null));
    }
  }

  #insert(
    { values }: Column,
    group: Int32Array,
    rows: number,
    mask: Uint8Array | null,
    from: number,
    text: string,
  ): number {
    const insert = compileText<Insert>(insertParameters, text, rows - from);
    return insert(values, group, mask, this.#best, this.#count, this.#n, from, rows);
  }

  /** From here on values are counted. */
  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    countSlots(this.#best, this.#n, this.#groups, this.#largest ? -Infinity : Infinity, this.#count);
  }

  state(): Column[] {
    return this.#wide?.state() ?? [this.#lists()];
  }

  merge(state: readonly Column[], group: Int32Array): void {
    const lists = state[0]!;
    const rows = itemGroups(lists, group, this.#lent);
    this.update(lists.items!, rows, rows.length, null);
  }

  result(): Column {
    return this.#wide?.result() ?? nullWhereEmpty(this.#lists());
  }

  #lists(): Column {
    const open = this.#open;
    this.#close();
    this.#open = open;
    const offsets = offsetsOf(this.#count, this.#groups, this.#lent);
    const physical = physicalOf(this.#type);
    const values = this.#lent.values(physical, offsets[this.#groups]!, false);
    compile<CopySlots>(
      ['best', 'offsets', 'n', 'groups', 'out'],
      `/* slots ${physical} */let q=0;for(let g=0;g<groups;g++)for(let k=g*n,e=offsets[g+1];q<e;)out[q++]=best[k++];`,
    )(this.#best, offsets, this.#n, this.#groups, values);
    return listColumn(denseColumn(this.#type, physical, offsets[this.#groups]!, values), offsets);
  }

  #widen(): void {
    if (this.#wide !== null) return;
    const wide = new SortedTop(this.#type, this.#n, this.#largest);
    wide.resize(this.#groups);
    const rows = new Int32Array(this.#groups);
    for (let g = 0; g < rows.length; g++) rows[g] = g;
    wide.merge([this.#lists()], rows);
    this.#wide = wide;
  }
}

type CopySlots = (best: Float64Array, offsets: Int32Array, n: number, groups: number, out: Values) => void;

function offsetsOf(count: Int32Array, groups: number, lent: Lent): Int32Array {
  const offsets = lent.ints(groups + 1, false);
  offsets[0] = 0;
  for (let g = 0; g < groups; g++) offsets[g + 1] = offsets[g]! + count[g]!;
  return offsets;
}

/** The number of slots in use of each group: those that do not hold the worst number. */
function countSlots(best: Float64Array, n: number, groups: number, worst: number, out: Int32Array): void {
  for (let g = 0; g < groups; g++) {
    let k = 0;
    while (k < n && best[g * n + k] !== worst) k++;
    out[g] = k;
  }
}

/** Any type and any n: values are kept, and sorted and cut when there are many more than wanted. */
class SortedTop implements Accumulator {
  readonly #n: number;
  readonly #largest: boolean;
  readonly #values: GroupValues;
  #groups = 0;
  #pruneAt = 1 << 16;

  constructor(type: DataType, n: number, largest: boolean) {
    this.#n = n;
    this.#largest = largest;
    this.#values = new GroupValues(type);
  }

  resize(groups: number): void {
    this.#groups = groups;
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    this.#values.add(column!, group, rows, mask);
    this.#prune();
  }

  state(): Column[] {
    return [this.#top()];
  }

  merge(state: readonly Column[], group: Int32Array): void {
    this.#values.addLists(state[0]!, group);
    this.#prune();
  }

  result(): Column {
    return nullWhereEmpty(this.#top());
  }

  #prune(): void {
    if (this.#values.rows < this.#pruneAt) return;
    const top = this.#top();
    const groups = new Int32Array(this.#groups);
    for (let g = 0; g < groups.length; g++) groups[g] = g;
    this.#values.clear();
    this.#values.addLists(top, groups);
    this.#pruneAt = Math.max(1 << 16, 4 * this.#values.rows);
  }

  #top(): Column {
    const lists = this.#values.lists(this.#groups);
    const items = lists.items!;
    const group = denseColumn(DataType.Int32, 'i32', items.length, itemRows(lists));
    const schema = [
      { name: 'group', type: DataType.Int32 },
      { name: 'value', type: items.type },
    ];
    const batch: Batch = { schema, rows: items.length, columns: [group, items] };
    const order = sortOrder(batch, [
      { column: 'group', descending: false, nullsLast: true },
      { column: 'value', descending: this.#largest, nullsLast: true },
    ]);
    const from = lists.values as Int32Array;
    const offsets = new Int32Array(this.#groups + 1);
    let at = 0;
    for (let g = 0; g < this.#groups; g++) {
      const size = Math.min(this.#n, from[g + 1]! - from[g]!);
      // Rows are moved forward only: `order` is cut in place.
      for (let k = 0; k < size; k++) order[at++] = order[from[g]! + k]!;
      offsets[g + 1] = at;
    }
    return listColumn(takeColumn(items, order, at), offsets);
  }
}
