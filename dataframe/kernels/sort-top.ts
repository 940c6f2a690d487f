import { compile } from '../codegen/compile.js';
import type { Batch, Column } from '../column/column.js';
import { ranks } from '../column/dictionary.js';
import { columnOf } from '../column/layout.js';
import type { SortKey } from '../physical/fragment.js';
import { orderByWords } from './sort.js';
import { takeColumn } from './take.js';

/** Candidates sorted at a time, at least. */
const candidateRows = 1024;
/** Rows of a batch per row wanted from which looking for candidates beats sorting by leading digits. */
const rowsPerWanted = 8;

/** Writes rows of [from, rows) that may be among the first into `at` until it is full; returns the row to go on from. */
type Scan = (
  v: unknown,
  t: Int32Array | null,
  m: Uint8Array | null,
  bound: number,
  from: number,
  rows: number,
  at: Int32Array,
  found: Int32Array,
) => number;

/**
 * The first `wanted` rows of the order by these keys, sorted: exactly those of a stable sort. One comparison of the
 * first key with the worst row kept so far lets most rows go by.
 */
export function topOrder(batch: Batch, by: readonly SortKey[], wanted: number): Int32Array {
  const { rows } = batch;
  const first = by[0]!;
  const column = columnOf(batch, first.column);
  const size = Math.max(candidateRows, 4 * wanted);
  const unfit = column.physical === 'i64' || column.type.kind === 'null' || wanted === 0;
  if (unfit || rows < rowsPerWanted * wanted || rows < 2 * size) return orderByWords(batch, by, wanted);
  const keys = keysOnly(batch, by);
  // Positions [0, kept) are the best so far, in order; those behind them are newer rows, which lose ties.
  const at = new Int32Array(wanted + size);
  for (let i = 0; i < size; i++) at[i] = i;
  let kept = best(keys, by, at, size, wanted);
  const found = new Int32Array(1);
  for (let from = size; from < rows; ) {
    const next = at.subarray(kept, kept + size);
    from = scanFor(column, first, at[kept - 1]!, by.length === 1)(from, rows, next, found);
    kept = best(keys, by, at, kept + found[0]!, wanted);
  }
  return at.slice(0, kept);
}

function keysOnly(batch: Batch, by: readonly SortKey[]): Batch {
  const names = [...new Set(by.map(({ column }) => column))];
  const schema = names.map(name => batch.schema.find(field => field.name === name)!);
  return { schema, rows: batch.rows, columns: names.map(name => columnOf(batch, name)) };
}

/** Leaves the first `wanted` of rows at[0..count) at the front, in order. Returns how many they are. */
function best(keys: Batch, by: readonly SortKey[], at: Int32Array, count: number, wanted: number): number {
  const rows = at.slice(0, count);
  const columns = keys.columns.map(column => takeColumn(column, rows, count));
  const order = orderByWords({ schema: keys.schema, rows: count, columns }, by, Math.min(wanted, count));
  for (let p = 0; p < order.length; p++) at[p] = rows[order[p]!]!;
  return order.length;
}

/**
 * A scan for rows whose first key is not behind that of row `worst`, or where it is the only key, before it: newer rows
 * lose ties.
 */
function scanFor(column: Column, key: SortKey, worst: number, only: boolean) {
  const { values, validity, physical } = column;
  const table = physical === 'code' ? ranks(column.dictionary!) : null;
  const worstIsNull = validity !== null && ((validity[worst >> 3]! >> (worst & 7)) & 1) === 0;
  const value = table === null ? values[worst]! : table[values[worst]!]!;
  const nullGoes = worstIsNull ? !only : !key.nullsLast;
  const text = table === null ? 'v[i]' : 't[v[i]]';
  const valueGoes = worstIsNull ? String(key.nullsLast) : valueTest(text, value, key.descending, only);
  const test = validity === null ? valueGoes : `((m[i>>3]>>(i&7))&1)===0?${nullGoes}:${valueGoes}`;
  const scan = compile<Scan>(
    ['v', 't', 'm', 'bound', 'from', 'rows', 'at', 'found'],
    `/* top ${physical} */const n=at.length;let k=0,i=from;for(;i<rows&&k<n;i++)if(${test})at[k++]=i;found[0]=k;return i;`,
  );
  return (from: number, rows: number, at: Int32Array, found: Int32Array) =>
    scan(values, table, validity, value, from, rows, at, found);
}

/** NaN is the largest value and equals itself. */
function valueTest(text: string, bound: number, descending: boolean, strict: boolean): string {
  if (!Number.isNaN(bound)) {
    if (descending) return `!(${text}<${strict ? '=' : ''}bound)`;
    return `${text}<${strict ? '' : '='}bound`;
  }
  if (descending) return strict ? 'false' : `${text}!==${text}`;
  return strict ? `${text}===${text}` : 'true';
}
