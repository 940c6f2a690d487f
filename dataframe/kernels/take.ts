import { compileText } from '../codegen/wasm/kernel.js';
import { countValid, packValidity, sliceBitmap, type Validity } from '../column/bitmap.js';
import type { Batch, Column, Physical, Values } from '../column/column.js';
import { allocateValues, elementsPerValue, isNested } from '../column/layout.js';
import type { Binder } from './fused-text.js';
import type { Lent } from './lent.js';
import { validBits } from './valid-bits.js';

type Gather = (src: Values, at: Int32Array, out: Values, from: number, rows: number) => void;

/** One function per physical type: one gather over all typed arrays would go megamorphic (1.3 → 28 ns a row). */
function gatherOf(physical: Physical, optional: boolean, rows: number): Gather {
  const tag = `/* take ${physical} */`;
  const guard = optional ? 'if(k<0)continue;' : '';
  const copy = physical === 'i64' ? 'out[2*i]=src[2*k];out[2*i+1]=src[2*k+1];' : 'out[i]=src[k];';
  return compileText<Gather>(
    ['src', 'at', 'out', 'from', 'rows'],
    `${tag}for(let i=from;i<rows;i++){const k=at[i];${guard}${copy}}`,
    rows,
  );
}

/** Elements at[...] of `src`, one after another, to the begin of `out`. */
export function gatherValues(physical: Physical, src: Values, at: Int32Array, out: Values): void {
  gatherOf(physical, false, at.length)(src, at, out, 0, at.length);
}

/** Of rows at[0..rows), each of which there is. */
function takenBits(bitmap: Uint8Array, at: Int32Array, rows: number, lent: Lent | undefined): Validity {
  const bitOf = (binder: Binder) => {
    const [bits, places] = [bitmap, at].map(array => binder.bind(array));
    return (row: string) => `(${bits}[${places}[${row}]>>3]>>(${places}[${row}]&7)&1)`;
  };
  return validBits(bitOf, rows, lent ?? null);
}

type GatherSegments = (
  src: Values,
  offsets: Int32Array,
  at: Int32Array,
  out: Values,
  end: Int32Array,
  from: number,
  rows: number,
  work: number,
) => void;

/** Lists of rows at[0..rows); index -1 gives null. */
function takeLists(column: Column, at: Int32Array, rows: number, lent?: Lent): Column {
  const { type, validity } = column;
  const from = column.values as Int32Array;
  const items = column.items!;
  const offsets = new Int32Array(rows + 1);
  const flags = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    const k = at[i]!;
    const size = k < 0 ? 0 : from[k + 1]! - from[k]!;
    offsets[i + 1] = offsets[i]! + size;
    flags[i] = k < 0 ? 0 : validity === null ? 1 : (validity[k >> 3]! >> (k & 7)) & 1;
  }
  const taken = takeSegments(items, from, at, rows, offsets[rows]!, lent);
  const packed = packValidity(flags, rows);
  return { type, physical: 'list', length: rows, ...packed, values: offsets, dictionary: null, items: taken };
}

/** Items [offsets[k], offsets[k + 1]) of each k of at[0..rows), one after another; `total` of them. */
function takeSegments(
  items: Column,
  offsets: Int32Array,
  at: Int32Array,
  rows: number,
  total: number,
  lent: Lent | undefined,
): Column {
  const { type, physical, dictionary } = items;
  if (items.validity !== null || isNested(type)) {
    const index = new Int32Array(total);
    let n = 0;
    for (let i = 0; i < rows; i++) {
      const k = at[i]!;
      if (k >= 0) for (let q = offsets[k]!; q < offsets[k + 1]!; q++) index[n++] = q;
    }
    return takeColumn(items, index, total, lent);
  }
  const values = lent?.values(physical, total, false) ?? allocateValues(physical, total);
  const copy = physical === 'i64' ? 'out[2*n]=src[2*q];out[2*n+1|0]=src[2*q+1|0];n++;' : 'out[n++]=src[q];';
  compileText<GatherSegments>(
    ['src', 'offsets', 'at', 'out', 'end', 'from', 'rows', 'work'],
    `/* segments ${physical} */let n=end[0];for(let i=from;i<rows;i++){const k=at[i];if(k<0)continue;const e=offsets[k+1|0];for(let q=offsets[k];q<e;q++){${copy}}}end[0]=n;`,
    total,
  )(items.values, offsets, at, values, new Int32Array(1), 0, rows, total);
  return { type, physical, length: total, nullCount: 0, validity: null, values, dictionary };
}

/** Structs of rows at[0..rows), field by field; with `gaps`, index -1 gives null. */
function takeStructs(column: Column, at: Int32Array, rows: number, gaps: boolean): Column {
  const take = gaps ? takeOptional : takeColumn;
  const fields = column.fields!.map(field => take(field, at, rows));
  const flags = takenFlags(column.validity, at, rows);
  return { ...column, length: rows, ...packValidity(flags, rows), fields };
}

/** 1 where row at[i] is there and valid. */
function takenFlags(validity: Uint8Array | null, at: Int32Array, rows: number): Uint8Array {
  const flags = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    const k = at[i]!;
    flags[i] = k < 0 ? 0 : validity === null ? 1 : (validity[k >> 3]! >> (k & 7)) & 1;
  }
  return flags;
}

/** Rows at[0..rows) of a column, in that order. With `lent` its values are lent. */
export function takeColumn(column: Column, at: Int32Array, rows: number, lent?: Lent): Column {
  if (column.physical === 'list') return takeLists(column, at, rows, lent);
  if (column.physical === 'struct') return takeStructs(column, at, rows, false);
  const { type, physical, dictionary, range } = column;
  const values = lent?.values(physical, rows, false) ?? allocateValues(physical, rows);
  gatherOf(physical, false, rows)(column.values, at, values, 0, rows);
  const bounds = range === undefined ? null : { range };
  if (column.validity === null) {
    return { type, physical, length: rows, nullCount: 0, validity: null, values, dictionary, ...bounds };
  }
  const validity = takenBits(column.validity, at, rows, lent);
  return { type, physical, length: rows, ...validity, values, dictionary, ...bounds };
}

/** Like takeColumn; index -1 gives null. */
export function takeOptional(column: Column, at: Int32Array, rows: number): Column {
  if (column.physical === 'list') return takeLists(column, at, rows);
  if (column.physical === 'struct') return takeStructs(column, at, rows, true);
  const { type, physical, dictionary, validity } = column;
  const values = allocateValues(physical, rows);
  gatherOf(physical, true, rows)(column.values, at, values, 0, rows);
  const flags = takenFlags(validity, at, rows);
  return { type, physical, length: rows, ...packValidity(flags, rows), values, dictionary };
}

/** Rows at[0..rows) of all columns: views where they adjoin, else lent if there is somebody to lend. */
export function takeBatch(batch: Batch, at: Int32Array, rows: number, lent?: Lent): Batch {
  if (adjoin(at, rows)) return sliceBatch(batch, at[0]!, at[0]! + rows);
  return {
    schema: batch.schema,
    rows,
    columns: batch.columns.map(column => takeColumn(column, at, rows, lent)),
  };
}

/** True for at least one row, each following the one before. Other orders are known by their first few rows. */
function adjoin(at: Int32Array, rows: number): boolean {
  if (rows === 0) return false;
  const first = at[0]!;
  if (at[rows - 1] !== first + rows - 1) return false;
  for (let i = 1; i < rows; i++) if (at[i] !== first + i) return false;
  return true;
}

/** Rows [from, to), both within the column: values are views (offsets of lists are copied). */
export function sliceColumn(column: Column, from: number, to: number): Column {
  const rows = to - from;
  const { type, physical, dictionary, range } = column;
  let values: Values;
  let { items } = column;
  if (items === undefined) {
    const n = elementsPerValue(physical);
    values = column.values.subarray(from * n, to * n) as Values;
  } else {
    const offsets = (column.values as Int32Array).slice(from, to + 1);
    const first = offsets[0]!;
    items = sliceColumn(items, first, offsets[rows]!);
    for (let i = 0; i <= rows; i++) offsets[i]! -= first;
    values = offsets;
  }
  const nested = {
    ...(items === undefined ? null : { items }),
    ...(column.fields === undefined
      ? null
      : { fields: column.fields.map(field => sliceColumn(field, from, to)) }),
    ...(range === undefined ? null : { range }),
  };
  if (column.validity === null) {
    return { type, physical, length: rows, nullCount: 0, validity: null, values, dictionary, ...nested };
  }
  const bits = sliceBitmap(column.validity, from, rows);
  const nullCount = rows - countValid(bits, rows);
  const validity = nullCount === 0 ? null : bits;
  return { type, physical, length: rows, nullCount, validity, values, dictionary, ...nested };
}

/** Rows [from, to): values are views. */
export function sliceBatch(batch: Batch, from: number, to: number): Batch {
  if (from === 0 && to === batch.rows) return batch;
  const rows = to - from;
  const columns = batch.columns.map(column => sliceColumn(column, from, to));
  return { schema: batch.schema, rows, columns };
}
