import { VolleyError } from '../../core/base/errors.js';
import { compile } from '../codegen/compile.js';
import { packValidity } from '../column/bitmap.js';
import type { Column, Dictionary, Physical, Values } from '../column/column.js';
import { allocateValues } from '../column/layout.js';
import { copyRows } from './gather-text.js';
import type { Piece } from './gathered.js';

/** Rows of several columns one after another, so that choosing rows at random reads one place of memory a row. */
export interface Records {
  readonly words: Int32Array;
  /** The same memory. */
  readonly singles: Float32Array;
  readonly doubles: Float64Array;
  /** Words of a row: even. */
  readonly stride: number;
}

/** A column that lies in records. It has no values of its own: it can be gathered, nothing else. */
export interface PackedColumn extends Column {
  readonly packed: {
    readonly records: Records;
    /** Its first word in a record; even for 64-bit values. */
    readonly at: number;
    /** Text whose records hold where each row's string begins in these bytes, and its length. Else codes of `dictionary`. */
    readonly text: Uint8Array | null;
  };
}

export function isPacked(column: Column): column is PackedColumn {
  return 'packed' in column;
}

/** Words that a value takes in a record. */
export function wordsInRecord(physical: Physical, text: boolean): 1 | 2 {
  return text || physical === 'f64' || physical === 'i64' ? 2 : 1;
}

/** Rows that are brought into the cache before they are taken apart: more, and the outputs push them out again. */
const blockRows = 64;

/** The pieces with those of packed columns gathered, all columns of one record at once. */
export function gatherPacked(pieces: readonly Piece[], rows: number): readonly Piece[] {
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
      takeApart(records, columns, at, gaps, rows).forEach((column, m) => {
        out[members[m]!] = { column, at: null, gaps: false };
      });
    }
  }
  return out;
}

type Loop = (
  words: Int32Array,
  singles: Float32Array,
  doubles: Float64Array,
  at: Int32Array | null,
  outs: readonly Values[],
  bounds: Float64Array,
  sink: Int32Array,
  rows: number,
) => number;

function takeApart(
  records: Records,
  columns: readonly PackedColumn[],
  at: Int32Array | null,
  gaps: boolean,
  rows: number,
): Column[] {
  const outs: Values[] = [];
  const bounds = new Float64Array(columns.length);
  let head = '';
  let copy = '';
  let missing = '';
  const target = (values: Values): string => {
    head += `const o${outs.length}=outs[${outs.length}];`;
    outs.push(values);
    return `o${outs.length - 1}`;
  };
  columns.forEach(({ physical, packed, dictionary }, c) => {
    const word = `words[r+${packed.at}]`;
    const next = `words[r+${packed.at + 1}]`;
    head += `const b${c}=bounds[${c}];`;
    if (packed.text !== null) {
      bounds[c] = packed.text.byteLength;
      const [from, size] = [target(new Int32Array(rows)), target(new Int32Array(rows))];
      copy += `{const f=${word},n=${next};${from}[i]=f;${size}[i]=n;if(!(f>=0&&n>=0&&f+n<=b${c}))bad=1;}`;
      missing += `${from}[i]=0;${size}[i]=0;`;
      return;
    }
    const out = target(allocateValues(physical, rows));
    missing += physical === 'i64' ? `${out}[2*i]=0;${out}[2*i+1]=0;` : `${out}[i]=0;`;
    if (physical === 'i64') copy += `${out}[2*i]=${word};${out}[2*i+1]=${next};`;
    else if (physical === 'f64') copy += `${out}[i]=doubles[(r>>>1)+${packed.at / 2}];`;
    else if (physical === 'f32') copy += `${out}[i]=singles[r+${packed.at}];`;
    else if (physical === 'code') {
      // A column of nothing but nulls may have an empty dictionary: its codes are all 0.
      bounds[c] = Math.max(1, dictionary!.length);
      copy += `{const v=${word};${out}[i]=v;if(v>>>0>=b${c})bad=1;}`;
    } else copy += `/*${physical}*/${out}[i]=${word};`;
  });
  const index = at === null ? 'i' : 'at[i]';
  const touch = at === null ? '' : `for(let i=b;i<e;i++)t^=words[${index}*${records.stride}];`;
  const guard = gaps ? `if(k<0){${missing}continue;}` : '';
  const loop = compile<Loop>(
    ['words', 'singles', 'doubles', 'at', 'outs', 'bounds', 'sink', 'rows'],
    `${head}let bad=0,t=0;for(let b=0;b<rows;b+=${blockRows}){const e=Math.min(rows,b+${blockRows});${touch}
for(let i=b;i<e;i++){const k=${index};${guard}const r=k*${records.stride};${copy}}}sink[0]=t;return bad;`,
  );
  const bad = loop(records.words, records.singles, records.doubles, at, outs, bounds, touched, rows);
  if (bad !== 0) throw new VolleyError('CORRUPT_PARTITION', 'a record refers to text that is not there');
  let next = 0;
  return columns.map(column => {
    const own = outs.slice(next, next + (column.packed.text === null ? 1 : 2));
    next += own.length;
    return unpacked(column, own, at, gaps, rows);
  });
}

/** Keeps the reads that only fill the cache from being left out. */
const touched = new Int32Array(1);

function unpacked(
  column: PackedColumn,
  outs: readonly Values[],
  at: Int32Array | null,
  gaps: boolean,
  rows: number,
): Column {
  const { type, physical, dictionary, packed, range } = column;
  const common = { type, physical, length: rows, ...validityOf(column, at, gaps, rows) };
  if (packed.text !== null) {
    const strings = stringsOf(packed.text, outs as readonly Int32Array[]);
    if (common.validity !== null) zeroNulls(strings.values, common.validity);
    return { ...common, ...strings };
  }
  // A row that is missing holds 0, which the bounds need not have.
  const bounds = range === undefined || gaps ? null : { range };
  return { ...common, values: outs[0]!, dictionary, ...bounds };
}

function validityOf({ validity }: Column, at: Int32Array | null, gaps: boolean, rows: number) {
  if (validity === null && !gaps) return { validity: null, nullCount: 0 };
  const flags = new Uint8Array(rows);
  for (let i = 0; i < rows; i++) {
    const k = at === null ? i : at[i]!;
    flags[i] = k < 0 ? 0 : validity === null ? 1 : (validity[k >> 3]! >> (k & 7)) & 1;
  }
  return packValidity(flags, rows);
}

/** Null slots hold 0. */
function zeroNulls(values: Int32Array, validity: Uint8Array): void {
  for (let i = 0; i < values.length; i++) if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) values[i] = 0;
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
