import { compileText } from '../codegen/wasm/kernel.js';
import { bitmapBytes } from '../column/bitmap.js';
import type { Batch, Column, Dictionary, Physical, ValueRange, Values } from '../column/column.js';
import { copyInto } from '../column/copy-bytes.js';
import type { Schema } from '../column/datatype.js';
import { compact, manyEntries, oneDictionary } from '../column/dictionary.js';
import { bytesOfValues, elementsPerValue, isNested, isWide, viewValues } from '../column/layout.js';
import { aligned } from '../column/slab.js';
import { textOfRows } from '../kernels/gather-text.js';
import { ChosenValidity } from '../kernels/gather-validity.js';
import { GatheredBatch, type Piece } from '../kernels/gathered.js';
import { InterleavedBatch } from '../kernels/interleaved.js';
import type { Lent } from '../kernels/lent.js';
import { gatherPacked } from '../kernels/packed.js';
import { pairsOfFloats } from '../kernels/pairs-wasm.js';
import { fillOf } from '../kernels/unfilled.js';

/** One output column: what it is known to be before a value was moved, and how its values get to where they lie. */
export interface Unfilled {
  /** Without values. */
  readonly column: Omit<Column, 'values'>;
  /** Each fills a part of the values. */
  readonly fills: readonly ((values: Values) => void)[];
}

export interface UnfilledColumns {
  readonly columns: readonly Unfilled[];
  /** Each fills a part of the values of all columns. */
  readonly together: readonly ((values: readonly Values[]) => void)[];
}

/** The batches as columns still to be filled, or null where they have to be concatenated the usual way. */
export function unfilledColumns(
  schema: Schema,
  batches: readonly Batch[],
  wide: boolean,
  lent: Lent,
): UnfilledColumns | null {
  // One batch that lies ready is as well written as it is.
  if (batches.length < 2 && (batches[0] === undefined || liesReady(batches[0]))) return null;
  const piecesOf = batches.map(batch =>
    batch instanceof GatheredBatch ? gatherPacked(batch.pieces, batch.rows, lent) : null,
  );
  const inPairs = wide && schema.some(({ type }) => isWide(type));
  const columns = schema.map((_, c) => batches.map((batch, b) => pieceOf(batch, piecesOf[b]!, c, !inPairs)));
  for (const [first, ...others] of columns) {
    const { physical, type } = first!.column;
    if (isNested(type) || others.some(piece => piece.column.physical !== physical)) return null;
  }
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const known = new ChosenValidity();
  known.findTogether(columns, rows, lent);
  return {
    columns: columns.map(pieces => {
      const { physical, type } = pieces[0]!.column;
      return physical === 'code'
        ? textColumn(pieces, known)
        : plainColumn(pieces, wide && isWide(type), known);
    }),
    together: inPairs ? [] : takenApart(batches),
  };
}

/** Records go to all columns at once. */
function takenApart(batches: readonly Batch[]): UnfilledColumns['together'] {
  let end = 0;
  return batches.flatMap(batch => {
    const from = end;
    const to = (end += batch.rows);
    if (!(batch instanceof InterleavedBatch)) return [];
    return (all: readonly Values[]) => {
      const places = all.map((values, c) => {
        const n = elementsPerValue(batch.columns[c]!.physical);
        return values.subarray(from * n, to * n) as Values;
      });
      batch.takeApart(places);
    };
  });
}

/** The values of each column are in memory, one after another. */
export function liesReady(batch: Batch): boolean {
  if (batch instanceof GatheredBatch || batch instanceof InterleavedBatch) return false;
  return batch.columns.every(column => fillOf(column) === null);
}

/** Bytes of the slab that the columns take, as column/slab.ts lays them out. */
export function sizeOfUnfilled({ columns }: UnfilledColumns): number {
  return columns.reduce((size, { column }) => size + placesOf(column).end, 0);
}

/** Fills the columns where writeBatch would copy them to. */
export function fillColumns(
  schema: Schema,
  rows: number,
  { columns, together }: UnfilledColumns,
  slab: Uint8Array,
): Batch {
  let at = 0;
  const filled = columns.map(({ column }): Column => {
    const { values: offset, end } = placesOf(column);
    const values = viewValues(column.physical, slab.buffer, slab.byteOffset + at + offset, column.length);
    at += end;
    return { ...column, values };
  });
  // Columns of one batch may be computed from the same memory, which stays in the cache meanwhile.
  const most = Math.max(0, ...columns.map(({ fills }) => fills.length));
  for (let k = 0; k < most; k++) {
    for (const [c, { fills }] of columns.entries()) fills[k]?.(filled[c]!.values);
  }
  const values = filled.map(column => column.values);
  for (const fill of together) fill(values);
  return { schema, rows, columns: filled };
}

/** Where a column's values begin, and where the next column may, from where it begins. */
export function placesOf(column: Omit<Column, 'values'>): { values: number; end: number } {
  const { validity, length, physical, dictionary } = column;
  const values = validity === null ? 0 : aligned(bitmapBytes(length));
  let end = values + aligned(bytesOfValues(physical, length));
  if (dictionary !== null) end += aligned((dictionary.length + 1) * 4) + aligned(dictionary.bytes.byteLength);
  return { values, end };
}

export interface SizedPiece extends Piece {
  readonly rows: number;
  /** Its values come with those of the other columns. */
  readonly together?: boolean;
}

function pieceOf(batch: Batch, pieces: readonly Piece[] | null, c: number, apart: boolean): SizedPiece {
  const { rows } = batch;
  if (pieces !== null) return { ...pieces[c]!, rows };
  const together = apart && batch instanceof InterleavedBatch;
  return { column: batch.columns[c]!, at: null, gaps: false, rows, together };
}

/** `wide`: 64-bit integers become pairs of words, whatever they lie as. */
function plainColumn(pieces: readonly SizedPiece[], wide: boolean, known: ChosenValidity): Unfilled {
  const { type } = pieces[0]!.column;
  const physical = wide ? 'i64' : pieces[0]!.column.physical;
  const length = rowsOf(pieces);
  const range = rangeOfPieces(pieces);
  const column = { type, physical, length, ...known.of(pieces, length), dictionary: null };
  const n = elementsPerValue(physical);
  let end = 0;
  const fills = pieces.flatMap(piece => {
    const from = end;
    const to = (end += piece.rows * n);
    if (piece.together) return [];
    return (values: Values) => gatherInto(piece, null, values.subarray(from, to) as Values, physical);
  });
  return { column: range === null ? column : { ...column, range }, fills };
}

/** Codes have to be known before the size of their dictionary is: they wait on the heap unless the dictionary stays. */
function textColumn(pieces: readonly SizedPiece[], known: ChosenValidity): Unfilled {
  const { type, physical } = pieces[0]!.column;
  const length = rowsOf(pieces);
  const { dictionary, maps } = oneDictionary(
    pieces.map(piece => piece.column.dictionary!),
    length,
  );
  const common = { type, physical, length, ...known.of(pieces, length) };
  let end = 0;
  const fills = pieces.map((piece, p) => {
    const from = end;
    const to = (end += piece.rows);
    return (codes: Values) => gatherInto(piece, maps[p]!, codes.subarray(from, to) as Values, physical);
  });
  if (staysWhole(dictionary, length)) return { column: { ...common, dictionary }, fills };
  const codes = new Int32Array(length);
  for (const fill of fills) fill(codes);
  // Nothing but codes is looked at where the dictionary is far larger than what is wanted of it.
  if (length >= manyEntries && dictionary.length > length * 4) {
    const text = textOfRows(dictionary, codes);
    if (text !== null) return inRowOrder(common, text);
  }
  const smaller = compact(dictionary, codes, length);
  if (smaller === null) return { column: { ...common, dictionary }, fills: [values => values.set(codes)] };
  return {
    column: { ...common, dictionary: smaller.dictionary },
    fills: [values => translate(codes, smaller.map, values as Int32Array)],
  };
}

/** Every row gets an entry of its own. */
function inRowOrder(
  common: Pick<Column, 'type' | 'physical' | 'length' | 'validity' | 'nullCount'>,
  dictionary: Dictionary,
): Unfilled {
  const { validity, length } = common;
  const fill = (values: Values) => {
    for (let i = 0; i < length; i++) values[i] = i;
    if (validity === null) return;
    for (let i = 0; i < length; i++) if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) values[i] = 0;
  };
  return { column: { ...common, dictionary }, fills: [fill] };
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
export function rangeOfPieces(pieces: readonly SizedPiece[]): ValueRange | null {
  let min = pieces.some(piece => piece.gaps) ? 0 : Number.POSITIVE_INFINITY;
  let max = pieces.some(piece => piece.gaps) ? 0 : Number.NEGATIVE_INFINITY;
  for (const { column } of pieces) {
    if (column.range === undefined) return null;
    min = Math.min(min, column.range.min);
    max = Math.max(max, column.range.max);
  }
  return { min, max };
}

/** Gathers one piece into exactly its rows of the output; null slots and gaps hold 0. */
function gatherInto(piece: SizedPiece, map: Int32Array | null, out: Values, target: Physical): void {
  const { column, at, gaps, rows } = piece;
  const mapped = map !== null && map.length > 0;
  const fill = at === null && !mapped ? fillOf(column) : null;
  if (fill !== null) {
    fill(out, target);
    return;
  }
  const { physical, values, validity } = column;
  if (at === null && !mapped && physical === target) {
    copyInto(out, 0, values);
    return;
  }
  const pair = target === 'i64';
  const whole = pair && physical === 'f64' && at === null;
  const from = whole ? pairsOfFloats(values as Float64Array, out, rows) : 0;
  const index = at === null ? 'const k=i;' : 'const k=at[i];';
  const guard = gaps ? `if(k<0){${pair ? 'out[2*i]=0;out[2*i+1]=0;' : 'out[i]=0;'}continue;}` : '';
  // A null slot's code 0 may be mapped to another entry: it is set to 0 again. Values need no such care.
  const careful = mapped && validity !== null;
  const nulls = careful ? 'if(((validity[k>>3]>>(k&7))&1)===0){out[i]=0;continue;}' : '';
  let copy = `out[i]=${mapped ? 'map[src[k]]' : 'src[k]'};`;
  if (pair && physical === 'i64') copy = 'out[2*i]=src[2*k];out[2*i+1]=src[2*k+1];';
  else if (pair) copy = 'const v=src[k];out[2*i]=v|0;out[2*i+1]=Math.floor(v/4294967296);';
  const read = { src: values, ...(at && { at }), ...(mapped && { map }), ...(careful && { validity }) };
  compileText<(...arrays: unknown[]) => void>(
    [...Object.keys(read), 'out', 'from', 'rows'],
    `/* gather ${physical} ${target} */for(let i=from;i<rows;i++){${index}${guard}${nulls}${copy}}`,
    rows - from,
  )(...Object.values(read), out, from, rows);
}
