import { VolleyError } from '../../core/base/errors.js';
import { compile } from '../codegen/compile.js';
import { bitmapBytes } from '../column/bitmap.js';
import type { Column, Dictionary, Physical, Values } from '../column/column.js';
import { allocateValues } from '../column/layout.js';
import { copyRows } from './gather-text.js';
import { ChosenValidity } from './gather-validity.js';
import type { Piece } from './gathered.js';
import type { Lent } from './lent.js';

/**
 * Rows of several columns one after another, so that choosing rows at random reads one place of memory a row. All arrays
 * are views of the same memory.
 */
export interface Records {
  readonly words: Int32Array;
  readonly singles: Float32Array;
  readonly doubles: Float64Array;
  readonly halves: Uint16Array;
  readonly bytes: Uint8Array;
  /** Words of a row: even. */
  readonly stride: number;
}

/** Where a value lies in each record. */
export interface Cell {
  /** Its first byte: a multiple of its size, or of four for text. */
  readonly at: number;
  /** Bytes. Integers of a small range take 1, 2 or 4; text takes a multiple of four, or the 8 of a place and a length. */
  readonly size: number;
  /** What was taken from an integer to make it small. */
  readonly base: number;
}

/** A column that lies in records. It has no values of its own: it can be gathered, nothing else. */
export interface PackedColumn extends Column {
  readonly packed: {
    readonly records: Records;
    readonly cell: Cell;
    /** The bit of a record that is 1 where the value is not null; null: it never is. The column has no bitmap. */
    readonly flag: number | null;
    /**
     * Text whose records hold where each row's string begins in these bytes, and its length; 'inline': the string
     * itself, its length in the last byte. Else codes of `dictionary`.
     */
    readonly text: Uint8Array | 'inline' | null;
  };
}

export function isPacked(column: Column): column is PackedColumn {
  return 'packed' in column;
}

/** The place of a value in the array that the loops read it from, from the record's first word `r`, and that array. */
export function cellText(physical: Physical, { at, size }: Cell): string {
  if (size === 1) return `bytes[4*r+${at}]`;
  if (size === 2) return `halves[2*r+${at / 2}]`;
  if (physical === 'f64' && size === 8) return `doubles[(r>>>1)+${at / 8}]`;
  return physical === 'f32' ? `singles[r+${at / 4}]` : `words[r+${at / 4}]`;
}

/** Rows that are brought into the cache before they are taken apart: more, and the outputs push them out again. */
const blockRows = 64;

/** The pieces with those of packed columns gathered, all columns of one record at once; into lent memory, if any. */
export function gatherPacked(pieces: readonly Piece[], rows: number, lent: Lent | null): readonly Piece[] {
  if (!pieces.some(({ column }) => isPacked(column))) return pieces;
  const out = pieces.slice();
  const groups = new Map<Records, Map<Int32Array | null, number[]>>();
  pieces.forEach(({ column, at }, p) => {
    if (!isPacked(column)) return;
    const { records } = column.packed;
    const orders = groups.get(records) ?? new Map<Int32Array | null, number[]>();
    groups.set(records, orders);
    const known = orders.get(at);
    if (known === undefined) orders.set(at, [p]);
    else known.push(p);
  });
  for (const [records, orders] of groups) {
    for (const [at, members] of orders) {
      const gaps = members.some(p => pieces[p]!.gaps);
      const columns = members.map(p => pieces[p]!.column as PackedColumn);
      takeApart(records, columns, { at, gaps, rows }, lent).forEach((column, m) => {
        out[members[m]!] = { column, at: null, gaps: false };
      });
    }
  }
  return out;
}

/** Rows of records, in output order. */
interface ChosenRecords {
  readonly at: Int32Array | null;
  readonly gaps: boolean;
  readonly rows: number;
}

type Loop = (
  records: Records,
  at: Int32Array | null,
  outs: readonly Values[],
  bounds: Float64Array,
  sink: Int32Array,
  rows: number,
) => number;

function takeApart(
  records: Records,
  columns: readonly PackedColumn[],
  chosen: ChosenRecords,
  lent: Lent | null,
): Column[] {
  const { at, gaps, rows } = chosen;
  const outs: Values[][] = columns.map(() => []);
  // Of each column: what its codes and places must be below, and what its small integers begin at.
  const bounds = new Float64Array(2 * columns.length);
  let head = '';
  let copy = '';
  let missing = '';
  let flush = '';
  let counts = '';
  columns.forEach((column, c) => {
    const { packed, dictionary } = column;
    const target: Target = (physical, length) => {
      const name = `o${c}_${outs[c]!.length}`;
      head += `const ${name}=outs[${outs.flat().length}];`;
      outs[c]!.push(lent === null ? allocateValues(physical, length) : lent.values(physical, length));
      return name;
    };
    // A column of nothing but nulls may have an empty dictionary: its codes are all 0.
    if (dictionary !== null) bounds[2 * c] = Math.max(1, dictionary.length);
    if (packed.text instanceof Uint8Array) bounds[2 * c] = packed.text.byteLength;
    bounds[2 * c + 1] = packed.cell.base;
    const text =
      packed.text === null ? valueText(column, c, rows, target) : spanText(column, c, rows, target);
    head += `const b${c}=bounds[${2 * c}],z${c}=bounds[${2 * c + 1}];${text.head ?? ''}`;
    copy += text.copy;
    missing += text.missing;
    if (packed.flag === null) return;
    // Bits are put together in a variable, and stored with every eighth row.
    const bits = target('u8', bitmapBytes(rows));
    head += `let y${c}=0,n${c}=0;`;
    copy += `{const f=(bytes[4*r+${packed.flag >> 3}]>>${packed.flag & 7})&1;n${c}+=f;y${c}|=f<<(i&7);}`;
    flush += `${bits}[i>>3]=y${c};y${c}=0;`;
    counts += `sink[${c + 1}]=n${c};`;
  });
  const index = at === null ? 'i' : 'at[i]';
  const near = gaps ? 'Math.max(0,at[i])' : index;
  const touch = at === null ? '' : `for(let i=b;i<e;i++)t^=words[${near}*${records.stride}];`;
  const one = `const r=k*${records.stride};${copy}`;
  const step = gaps ? `if(k<0){${missing}}else{${one}}` : one;
  const store = flush === '' ? '' : `if((i&7)===7||i===rows-1){${flush}}`;
  const loop = compile<Loop>(
    ['records', 'at', 'outs', 'bounds', 'sink', 'rows'],
    `${head}const {words,singles,doubles,halves,bytes}=records;let bad=0,t=0;for(let b=0;b<rows&&bad===0;b+=${blockRows}){const e=Math.min(rows,b+${blockRows});${touch}
for(let i=b;i<e;i++){const k=${index};${step}${store}}}sink[0]=t;${counts}return bad;`,
  );
  // Also keeps the reads that only fill the cache from being left out.
  const sink = new Int32Array(columns.length + 1);
  if (loop(records, at, outs.flat(), bounds, sink, rows) !== 0)
    throw new VolleyError('CORRUPT_PARTITION', 'a record refers to text that is not there');
  const known = new ChosenValidity();
  return columns.map((column, c) => unpacked(column, outs[c]!, chosen, known, sink[c + 1]!));
}

/** Makes an array of so many values; gives its name. */
type Target = (physical: Physical, length: number) => string;

/** Text that moves one value of record r to row i, and what a row without a record holds. */
interface ColumnText {
  readonly head?: string;
  readonly copy: string;
  readonly missing: string;
}

function valueText(
  { physical, packed: { cell } }: PackedColumn,
  c: number,
  rows: number,
  target: Target,
): ColumnText {
  const out = target(physical, rows);
  const value = cellText(physical, cell);
  const missing = `${out}[i]=0;`;
  if (physical === 'i64') {
    const word = cell.at / 4;
    return {
      copy: `${out}[2*i]=words[r+${word}];${out}[2*i+1]=words[r+${word + 1}];`,
      missing: `${out}[2*i]=0;${out}[2*i+1]=0;`,
    };
  }
  if (physical === 'code') return { copy: `{const v=${value};${out}[i]=v;if(v>>>0>=b${c})bad=1;}`, missing };
  if (cell.size < 4) return { copy: `/*${physical}*/${out}[i]=${value}+z${c};`, missing };
  if (physical === 'f64' && cell.size === 4) return { copy: `${out}[i]=(${value}>>>0)+z${c};`, missing };
  return { copy: `/*${physical}*/${out}[i]=${value};`, missing };
}

/** Strings that are not codes: where they end and their bytes, or where they begin and their lengths. */
function spanText({ packed }: PackedColumn, c: number, rows: number, target: Target): ColumnText {
  const { at, size } = packed.cell;
  if (packed.text !== 'inline') {
    const [from, sizes] = [target('i32', rows), target('i32', rows)];
    return {
      copy: `{const f=words[r+${at / 4}],n=words[r+${at / 4 + 1}];${from}[i]=f;${sizes}[i]=n;if(!(f>=0&&n>=0&&f+n<=b${c}))bad=1;}`,
      missing: `${from}[i]=0;${sizes}[i]=0;`,
    };
  }
  // Four bytes at a time may run over the end of the last string.
  const [ends, bytes] = [target('i32', rows + 1), target('u8', rows * (size - 1) + size)];
  let copy = `{const n=bytes[4*r+${at + size - 1}];if(n>=${size}){bad=1;break;}`;
  for (let w = 0; w < size; w += 4) copy += `t${c}.setInt32(e${c}+${w},words[r+${(at + w) / 4}],true);`;
  return {
    head: `const t${c}=new DataView(${bytes}.buffer,${bytes}.byteOffset,${bytes}.byteLength);let e${c}=0;`,
    copy: `${copy}${ends}[i+1]=e${c}+=n;}`,
    missing: `${ends}[i+1]=e${c};`,
  };
}

function unpacked(
  column: PackedColumn,
  outs: readonly Values[],
  { at, gaps, rows }: ChosenRecords,
  known: ChosenValidity,
  valid: number,
): Column {
  const { type, physical, dictionary, packed, range } = column;
  const validity =
    packed.flag === null
      ? known.of([{ column, at, gaps, rows }], rows)
      : { validity: valid === rows ? null : (outs.at(-1) as Uint8Array), nullCount: rows - valid };
  const common = { type, physical, length: rows, ...validity };
  if (packed.text !== null) {
    const strings =
      packed.text === 'inline'
        ? inRowOrder(outs as readonly [Int32Array, Uint8Array])
        : stringsOf(packed.text, outs as readonly Int32Array[]);
    if (common.validity !== null) zeroNulls(strings.values, common.validity);
    return { ...common, ...strings };
  }
  // A row that is missing holds 0, which the bounds need not have.
  const bounds = range === undefined || gaps ? null : { range };
  return { ...common, values: outs[0]!, dictionary, ...bounds };
}

/** Null slots hold 0. */
function zeroNulls(values: Int32Array, validity: Uint8Array): void {
  for (let i = 0; i < values.length; i++) if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) values[i] = 0;
}

/** Every row has an entry of its own. */
function inRowOrder([offsets, bytes]: readonly [Int32Array, Uint8Array]) {
  const rows = offsets.length - 1;
  const values = new Int32Array(rows);
  for (let i = 0; i < rows; i++) values[i] = i;
  const text = bytes.subarray(0, offsets[rows]);
  return { values, dictionary: { length: rows, offsets, bytes: text, repeats: true as const } };
}

/** Strings one after another, a row each, unless few long ones come so often that they would take far more than they do now. */
function stringsOf(
  text: Uint8Array,
  [starts, sizes]: readonly Int32Array[],
): { values: Int32Array; dictionary: Dictionary } {
  const rows = starts!.length;
  let total = 0;
  for (let i = 0; i < rows; i++) total += sizes![i]!;
  if (total > Math.min(text.byteLength + freeBytes, 2 ** 31 - 8)) return distinctSpans(text, starts!, sizes!);
  const offsets = new Int32Array(rows + 1);
  const values = new Int32Array(rows);
  for (let i = 0, end = 0; i < rows; i++) {
    values[i] = i;
    end += sizes![i]!;
    offsets[i + 1] = end;
  }
  // Four bytes at a time may run over the end of the last string.
  const bytes = new Uint8Array(total + 4);
  copyRows(text, starts!, offsets, bytes);
  return { values, dictionary: { length: rows, offsets, bytes: bytes.subarray(0, total), repeats: true } };
}

/** Bytes of strings that may always stand once a row. */
const freeBytes = 65_536;

/** Each place of the text once. */
function distinctSpans(text: Uint8Array, starts: Int32Array, sizes: Int32Array) {
  const codes = new Map<number, number>();
  const values = new Int32Array(starts.length);
  const first: number[] = [];
  for (let i = 0; i < starts.length; i++) {
    // An empty string starts where the next one does.
    const place = sizes[i] === 0 ? -1 : starts[i]!;
    let code = codes.get(place);
    if (code === undefined) {
      code = codes.size;
      codes.set(place, code);
      first.push(i);
    }
    values[i] = code;
  }
  const offsets = new Int32Array(first.length + 1);
  for (let c = 0; c < first.length; c++) offsets[c + 1] = offsets[c]! + sizes[first[c]!]!;
  const bytes = new Uint8Array(offsets[first.length]!);
  for (let c = 0; c < first.length; c++) {
    const from = starts[first[c]!]!;
    bytes.set(text.subarray(from, from + sizes[first[c]!]!), offsets[c]!);
  }
  return { values, dictionary: { length: first.length, offsets, bytes, repeats: true as const } };
}
