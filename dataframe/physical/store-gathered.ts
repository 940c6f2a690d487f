import { compile } from '../codegen/compile.js';
import { bitmapBytes, packValidity } from '../column/bitmap.js';
import type { Batch, Column, Dictionary, ValueRange, Values } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { compact, unify } from '../column/dictionary.js';
import { bytesOfValues, elementsPerValue, viewValues } from '../column/layout.js';
import { aligned } from '../column/slab.js';
import { GatheredBatch, type Piece } from '../kernels/gathered.js';

/** One output column: what it is known to be before a value was moved, and how its values get to where they lie. */
export interface Unfilled {
  /** Without values. */
  readonly column: Omit<Column, 'values'>;
  fill(values: Values): void;
}

/** The batches as columns still to be filled, or null where they have to be concatenated the usual way. */
export function unfilledColumns(schema: Schema, batches: readonly Batch[]): Unfilled[] | null {
  if (batches.length === 0 || !batches.every(batch => batch instanceof GatheredBatch)) return null;
  const gathered = batches as readonly GatheredBatch[];
  const columns: Unfilled[] = [];
  for (let c = 0; c < schema.length; c++) {
    const pieces = gathered.map(({ pieces: all, rows }) => ({ ...all[c]!, rows }));
    const { physical } = pieces[0]!.column;
    const alike = pieces.every(piece => piece.column.physical === physical);
    if (!alike || physical === 'list') return null;
    columns.push(physical === 'code' ? textColumn(pieces) : plainColumn(pieces));
  }
  return columns;
}

/** Bytes of the slab that the columns take, as column/slab.ts lays them out. */
export function sizeOfUnfilled(columns: readonly Unfilled[]): number {
  return columns.reduce((size, { column }) => size + placesOf(column).end, 0);
}

/** Fills the columns where writeBatch would copy them to. */
export function fillColumns(
  schema: Schema,
  rows: number,
  columns: readonly Unfilled[],
  slab: Uint8Array,
): Batch {
  let at = 0;
  const filled = columns.map(({ column, fill }): Column => {
    const { values: offset, end } = placesOf(column);
    const values = viewValues(column.physical, slab.buffer, slab.byteOffset + at + offset, column.length);
    fill(values);
    at += end;
    return { ...column, values };
  });
  return { schema, rows, columns: filled };
}

function placesOf(column: Omit<Column, 'values'>): { values: number; end: number } {
  const { validity, length, physical, dictionary } = column;
  const values = validity === null ? 0 : aligned(bitmapBytes(length));
  let end = values + aligned(bytesOfValues(physical, length));
  if (dictionary !== null) end += aligned((dictionary.length + 1) * 4) + aligned(dictionary.bytes.byteLength);
  return { values, end };
}

interface SizedPiece extends Piece {
  readonly rows: number;
}

function plainColumn(pieces: readonly SizedPiece[]): Unfilled {
  const { type, physical } = pieces[0]!.column;
  const length = rowsOf(pieces);
  const range = rangeOfPieces(pieces);
  const column = { type, physical, length, ...validityOf(pieces, length), dictionary: null };
  const n = elementsPerValue(physical);
  return {
    column: range === null ? column : { ...column, range },
    fill(values) {
      let at = 0;
      for (const piece of pieces) {
        const to = at + piece.rows * n;
        gatherInto(piece, null, values.subarray(at, to) as Values);
        at = to;
      }
    },
  };
}

/** Codes have to be known before the size of their dictionary is: they wait on the heap unless the dictionary stays. */
function textColumn(pieces: readonly SizedPiece[]): Unfilled {
  const { type, physical } = pieces[0]!.column;
  const length = rowsOf(pieces);
  const { dictionary, maps } = unify(pieces.map(piece => piece.column.dictionary!));
  const common = { type, physical, length, ...validityOf(pieces, length) };
  const gatherCodes = (codes: Int32Array) => {
    let at = 0;
    pieces.forEach((piece, p) => {
      gatherInto(piece, maps[p]!, codes.subarray(at, at + piece.rows));
      at += piece.rows;
    });
  };
  if (staysWhole(dictionary, length)) {
    return { column: { ...common, dictionary }, fill: values => gatherCodes(values as Int32Array) };
  }
  const codes = new Int32Array(length);
  gatherCodes(codes);
  const smaller = compact(dictionary, codes, length);
  if (smaller === null) return { column: { ...common, dictionary }, fill: values => values.set(codes) };
  return {
    column: { ...common, dictionary: smaller.dictionary },
    fill: values => translate(codes, smaller.map, values as Int32Array),
  };
}

/**
 * Decided without looking at a row: a shared dictionary that is small beside the rows, or any of so few entries per row
 * that copying it as it is costs less than finding out which entries are used.
 */
function staysWhole(dictionary: Dictionary, rows: number): boolean {
  const { id, length, bytes } = dictionary;
  return (id !== undefined && length * 4 + bytes.length <= rows) || length <= wholePerRow * rows;
}

const wholePerRow = 1.5;

function translate(codes: Int32Array, map: Int32Array, out: Int32Array): void {
  for (let i = 0; i < codes.length; i++) out[i] = map[codes[i]!]!;
}

function rowsOf(pieces: readonly SizedPiece[]): number {
  return pieces.reduce((sum, piece) => sum + piece.rows, 0);
}

/** Bounds of all pieces; null: not known of one of them. A row that is missing holds 0. */
function rangeOfPieces(pieces: readonly SizedPiece[]): ValueRange | null {
  let min = pieces.some(piece => piece.gaps) ? 0 : Number.POSITIVE_INFINITY;
  let max = pieces.some(piece => piece.gaps) ? 0 : Number.NEGATIVE_INFINITY;
  for (const { column } of pieces) {
    if (column.range === undefined) return null;
    min = Math.min(min, column.range.min);
    max = Math.max(max, column.range.max);
  }
  return { min, max };
}

type Gather = (
  src: Values,
  at: Int32Array,
  map: Int32Array | null,
  validity: Uint8Array | null,
  out: Values,
  rows: number,
) => void;

/** Gathers one piece into exactly its rows of the output; null slots and gaps hold 0. */
function gatherInto(piece: SizedPiece, map: Int32Array | null, out: Values): void {
  const { column, at, gaps, rows } = piece;
  const mapped = map !== null && map.length > 0;
  if (at === null && !mapped) {
    out.set(column.values as never);
    return;
  }
  const { physical, values, validity } = column;
  // A null slot's code 0 may be mapped to another entry: it is set to 0 again. Values need no such care.
  const careful = mapped && validity !== null;
  const value = mapped ? 'map[src[k]]' : 'src[k]';
  const index = at === null ? 'const k=i;' : 'const k=at[i];';
  const missing = physical === 'i64' ? 'out[2*i]=0;out[2*i+1]=0;' : 'out[i]=0;';
  const guard = gaps ? `if(k<0){${missing}continue;}` : '';
  const nulls = careful ? 'if(((validity[k>>3]>>(k&7))&1)===0){out[i]=0;continue;}' : '';
  const copy = physical === 'i64' ? 'out[2*i]=src[2*k];out[2*i+1]=src[2*k+1];' : `out[i]=${value};`;
  compile<Gather>(
    ['src', 'at', 'map', 'validity', 'out', 'rows'],
    `/* gather ${physical} */for(let i=0;i<rows;i++){${index}${guard}${nulls}${copy}}`,
  )(values, at ?? none, map, validity, out, rows);
}

const none = new Int32Array(0);

type GatherFlags = (
  bits: Uint8Array | null,
  at: Int32Array,
  out: Uint8Array,
  from: number,
  rows: number,
) => number;

/** Validity of all pieces, one after another. */
function validityOf(pieces: readonly SizedPiece[], length: number) {
  if (pieces.every(({ column, gaps }) => column.validity === null && !gaps)) {
    return { validity: null, nullCount: 0 };
  }
  const flags = new Uint8Array(length);
  let from = 0;
  for (const { column, at, gaps, rows } of pieces) {
    const valid = column.validity === null ? '1' : '(bits[k>>3]>>(k&7))&1';
    const index = at === null ? 'i' : 'at[i]';
    const flag = gaps ? `k<0?0:${valid}` : valid;
    compile<GatherFlags>(
      ['bits', 'at', 'out', 'from', 'rows'],
      `for(let i=0;i<rows;i++){const k=${index};out[from+i]=${flag};}return 0;`,
    )(column.validity, at ?? none, flags, from, rows);
    from += rows;
  }
  return packValidity(flags, length);
}
