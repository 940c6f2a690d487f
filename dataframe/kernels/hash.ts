import { kernelMemory } from '../../core/base/kernel-memory.js';
import { compileText } from '../codegen/wasm/kernel.js';
import { packValidity } from '../column/bitmap.js';
import type { Batch, Column, Values } from '../column/column.js';
import { entryValues } from '../column/decimal-entries.js';
import { entryHashes } from '../column/dictionary.js';
import { allocateValues, elementsPerValue, isHuge, isNested, isWide } from '../column/layout.js';
import { rowMask } from './accumulator.js';
import { type DealTarget, dealInto } from './deal.js';
import { Binder } from './fused-text.js';
import { dealByVectors } from './hash-wasm.js';
import { hashFactors } from './hash-words.js';
import { type Lent, lending } from './lent.js';
import { takeColumn } from './take.js';

const nullWord = '-1640531527';
const [highFactor, wordFactor] = [String(hashFactors.high), String(hashFactors.word)];
const [thirdFactor, lastFactor] = hashFactors.last.map(String);

const floatBits = { value: new Float64Array(1), words: new Int32Array(0) };
floatBits.words = new Int32Array(floatBits.value.buffer);

/** Text that leaves a word of row i in `w`: equal values have equal words in every physical form. */
function wordText(column: Column, binder: Binder): string {
  const wide = isWide(column.type) || isHuge(column.type);
  const values = binder.bind(column.values, `${column.physical}${wide ? 'w' : ''}`);
  switch (column.physical) {
    case 'code':
      return `w=${binder.bind(hashesOf(column))}[${values}[i]]|0;`;
    case 'i64':
      return `w=${values}[2*i]^Math.imul(${values}[2*i+1],${highFactor});`;
    case 'f32':
      return floatText(values, binder);
    case 'f64':
      if (!wide) return floatText(values, binder);
      return `{const v=${values}[i];w=v^Math.imul(Math.floor(v/4294967296),${highFactor});}`;
    case 'u32':
      return `w=${values}[i]|0;`;
    default:
      // Small integers hash like 64-bit ones.
      return `{const v=${values}[i];w=v^Math.imul(v>>31,${highFactor});}`;
  }
}

/** Of a dictionary's entries; decimals that would fit a number hash as they do there. */
function hashesOf({ type, dictionary }: Column): Int32Array {
  const hashes = entryHashes(dictionary!);
  if (type.kind !== 'decimal') return hashes;
  return Int32Array.from(hashes, (hash, i) => {
    const v = Number(entryValues(dictionary!)[i]);
    return Number.isSafeInteger(v) ? v ^ Math.imul(Math.floor(v / 4294967296), Number(highFactor)) : hash;
  });
}

/** −0 is 0 and every NaN is one NaN. */
function floatText(values: string, binder: Binder): string {
  const value = binder.bind(floatBits.value);
  const words = binder.bind(floatBits.words);
  return `{const v=${values}[i];${value}[0]=v===0?0:v!==v?NaN:v;w=${words}[1]^Math.imul(${words}[0],${highFactor});}`;
}

/** Text that leaves the hash of row i's keys in `h`. */
function hashText(keys: readonly Column[], binder: Binder): string {
  let text = 'let h=0,w=0;';
  for (const column of keys) {
    const word = wordText(column, binder);
    if (column.validity === null) text += word;
    else {
      const bits = binder.bind(column.validity);
      text += `if(((${bits}[i>>3]>>(i&7))&1)===0)w=${nullWord};else{${word}}`;
    }
    text += `h=Math.imul(h^w,${wordFactor});h^=h>>>15;`;
  }
  return `${text}h=Math.imul(h,${thirdFactor});h^=h>>>13;h=Math.imul(h,${lastFactor});h^=h>>>16;`;
}

type Hash = (P: readonly unknown[], out: Int32Array, from: number, rows: number) => void;

/**
 * Hashes of rows over the *values* of the key columns: equal on every node, whatever dictionary or physical form the
 * values have. −0 equals 0, NaN equals NaN, nulls hash alike.
 */
export function hashRows(keys: readonly Column[], rows: number): Int32Array {
  const out = new Int32Array(rows);
  const binder = new Binder();
  const text = hashText(keys, binder);
  compileText<Hash>(
    ['P', 'out', 'from', 'rows'],
    `${binder.text()}for(let i=from;i<rows;i++){${text}out[i]=h;}`,
    rows,
  )(binder.values, out, 0, rows);
  return out;
}

type Deal = (
  P: readonly unknown[],
  slice: Uint16Array,
  counts: Int32Array,
  from: number,
  rows: number,
  fanOut: number,
) => void;

/** The slice of a hash: by its upper 16 bits. */
export const sliceOfHash = (h: number, fanOut: number) => Math.imul(h >>> 16, fanOut) >>> 16;
/** The same, of the hash `h`, as text. */
const sliceText = 'Math.imul(h>>>16,fanOut)>>>16';

/** Fewer are hashed before a kernel is called. */
const fewRows = 2048;

/** The slice of each row by the hash of its keys, and the rows of each slice. At most 65,535 slices. */
export function dealRows(
  keys: readonly Column[],
  rows: number,
  fanOut: number,
  lent?: Lent,
): { slice: Uint16Array; counts: Int32Array } {
  const slice = lent === undefined ? new Uint16Array(rows) : (lent.values('u16', rows, false) as Uint16Array);
  const counts = new Int32Array(fanOut);
  const home = rows < fewRows || lent === undefined ? null : kernelMemory();
  const done = home === null ? 0 : dealByVectors(home, keys, rows, slice, counts, lent!);
  if (done === rows) return { slice, counts };
  const binder = new Binder();
  const text = hashText(keys, binder);
  compileText<Deal>(
    ['P', 'slice', 'counts', 'from', 'rows', 'fanOut'],
    `${binder.text()}for(let i=from;i<rows;i++){${text}const s=${sliceText};slice[i]=s;counts[s]++;}`,
    rows,
  )(binder.values, slice, counts, done, rows, fanOut);
  return { slice, counts };
}

/**
 * Deals the rows of a batch out to `fanOut` slices by hash of the keys, keeping their order in each; with `parts`, each
 * slice into so many finer ones by the next bits of the hash.
 */
export function hashSlices(batch: Batch, keys: readonly Column[], fanOut: number, parts = 1): Batch[] {
  const { slice, counts } = dealRows(keys, batch.rows, fanOut * parts);
  return slicesOf(batch, slice, counts, parts);
}

/**
 * The rows of each slice, in order: row i goes to slice[i], and slice s gets counts[s] rows. One pass writes all
 * columns, each into one array that the slices are views of. With `parts`, so many adjoining ones make one slice.
 */
export function slicesOf(
  batch: Batch,
  slice: Uint16Array,
  counts: Int32Array,
  parts = 1,
  lent?: Lent,
): Batch[] {
  const { schema, rows, columns } = batch;
  const pieces = counts.length;
  const starts = new Int32Array(pieces + 1);
  for (let s = 0; s < pieces; s++) starts[s + 1] = starts[s]! + counts[s]!;
  const flat = columns.filter(column => !isNested(column.type));
  const moved = scatterColumns(flat, slice, starts, rows, lent);
  const order = flat.length === columns.length ? null : rowsBySlice(slice, starts, rows);
  return Array.from({ length: pieces / parts }, (_, s) => {
    const from = starts[s * parts]!;
    const to = starts[(s + 1) * parts]!;
    const part = (column: Column): Column => {
      const to1 = moved.get(column);
      return to1 === undefined
        ? takeColumn(column, order!.subarray(from, to), to - from, lent)
        : sliceOf(column, to1, from, to);
    };
    const dealt = { schema, rows: to - from, columns: columns.map(part) };
    if (parts === 1) return dealt;
    return { ...dealt, parts: Array.from({ length: parts + 1 }, (_, p) => starts[s * parts + p]! - from) };
  });
}

interface Moved {
  readonly values: Values;
  readonly flags: Uint8Array | null;
}

/** The columns in order of their slices; nulls as a flag each. Lent, where there is somebody to lend. */
function scatterColumns(
  columns: readonly Column[],
  slice: Uint16Array,
  starts: Int32Array,
  rows: number,
  lent: Lent | undefined,
): Map<Column, Moved> {
  const moved = new Map<Column, Moved>();
  const targets: DealTarget[] = [];
  const first = starts.subarray(0, starts.length - 1);
  const move = (column: DealTarget['column']): Values => {
    const { physical } = column;
    const values = lent?.values(physical, rows, false) ?? allocateValues(physical, rows);
    targets.push({ column, values, starts: first });
    return values;
  };
  for (const column of columns) {
    if (moved.has(column)) continue;
    const there = rowMask([column], null, rows, lent);
    const flags = there && (move({ physical: 'bool', values: there }) as Uint8Array);
    moved.set(column, { values: move(column), flags });
  }
  if (lent !== undefined) dealInto(targets, slice, rows, lent);
  else lending(some => dealInto(targets, slice, rows, some));
  return moved;
}

function sliceOf(column: Column, { values, flags }: Moved, from: number, to: number): Column {
  const { type, physical, dictionary, range } = column;
  const n = elementsPerValue(physical);
  const rows = to - from;
  const packed =
    flags === null ? { validity: null, nullCount: 0 } : packValidity(flags.subarray(from, to), rows);
  const view = values.subarray(from * n, to * n) as Values;
  const out: Column = { type, physical, length: rows, ...packed, values: view, dictionary };
  return range === undefined ? out : { ...out, range };
}

function rowsBySlice(slice: Uint16Array, starts: Int32Array, rows: number): Int32Array {
  const at = starts.slice();
  const order = new Int32Array(rows);
  for (let i = 0; i < rows; i++) order[at[slice[i]!]!++] = i;
  return order;
}
