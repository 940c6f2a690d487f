import { VolleyError } from '../../core/base/errors.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import { packData, unpackData } from '../../core/wire/msgpack.js';
import { compile } from '../codegen/compile.js';
import { bitmapBytes } from '../column/bitmap.js';
import type { Batch, Column, Dictionary, Physical, ValueRange } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { dictionaryId } from '../column/dictionary.js';
import type { SharedDictionaries } from '../column/dictionary-cache.js';
import { emptyBatch, emptyDictionary, viewValues } from '../column/layout.js';
import {
  aligned,
  type BufferRange,
  decodeBatch,
  type PartitionMeta,
  sizeOfBatch,
  writeBatch,
} from '../column/slab.js';
import { alike, concatValidity } from '../kernels/concat.js';
import { type PackedColumn, type Records, wordsInRecord } from '../kernels/packed.js';
import { manyEntries, oneDictionary, rangeOfPieces } from './store-gathered.js';
import type { FragmentInput } from './task.js';

/** Beside the layout of a batch of no rows, which holds types, bounds and dictionaries: where the records lie. */
interface RecordsMeta extends PartitionMeta {
  readonly records: {
    readonly shell: Uint8Array;
    readonly shellBytes: number;
    readonly stride: number;
    readonly words: BufferRange;
    readonly columns: readonly RecordColumn[];
  };
}

interface RecordColumn {
  /** Its first word in a record. */
  readonly at: number;
  readonly nullCount: number;
  readonly validity: BufferRange | null;
  readonly range: readonly [number, number] | null;
  /** Strings that lie one after another; null: not text, or codes of the shell's dictionary. */
  readonly text: BufferRange | null;
}

/** One column of all batches. */
interface Source {
  readonly parts: readonly Column[];
  readonly physical: Physical;
  readonly nullCount: number;
  readonly validity: Uint8Array | null;
  /** Codes by code of each part; null: the same. */
  readonly maps: readonly (Int32Array | null)[];
  /** Text of many strings lies in the records as places in these bytes. */
  readonly text: Dictionary | null;
  /** Words that its values take. */
  readonly words: 1 | 2;
  readonly range: ValueRange | null;
  readonly shell: Column;
}

/** What a slab with the rows of these batches takes, one record after another, and how it is written. No lists. */
export function recordsWriter(schema: Schema, batches: readonly Batch[], many = manyEntries) {
  const filled = batches.filter(({ rows }) => rows > 0);
  const rows = filled.reduce((sum, part) => sum + part.rows, 0);
  const empty = batches[0] ?? emptyBatch(schema);
  const sources = schema.map((_, c) =>
    sourceOf(
      (filled.length === 0 ? [empty] : filled).map(part => part.columns[c]!),
      rows,
      many,
    ),
  );
  const { places, stride } = placesInRecord(sources);
  const shell: Batch = { schema, rows: 0, columns: sources.map(source => source.shell) };
  const shellBytes = sizeOfBatch(shell);
  let byteLength = shellBytes;
  const take = (bytes: number): BufferRange => {
    const range: BufferRange = [byteLength, bytes];
    byteLength += aligned(bytes);
    return range;
  };
  const words = take(rows * stride * 4);
  const columns = sources.map(
    ({ nullCount, validity, text, range }, c): RecordColumn => ({
      at: places[c]!,
      nullCount,
      range: range === null ? null : [range.min, range.max],
      validity: validity === null ? null : take(bitmapBytes(rows)),
      text: text === null ? null : take(text.bytes.byteLength),
    }),
  );
  return {
    rows,
    byteLength,
    write(slab: Uint8Array): PartitionHeader {
      const { meta, ...rest } = writeBatch(shell, slab.subarray(0, shellBytes));
      const records = recordsAt(slab, words, stride);
      let from = 0;
      filled.forEach((part, b) => {
        packRows(sources, places, records, b, from, part.rows);
        from += part.rows;
      });
      clearTail(slab, words);
      columns.forEach(({ validity, text }, c) => {
        if (validity !== null) copyTo(slab, sources[c]!.validity!.subarray(0, validity[1]), validity);
        if (text !== null) copyTo(slab, sources[c]!.text!.bytes, text);
      });
      const layout: RecordsMeta = {
        rows,
        columns: [],
        records: { shell: meta, shellBytes, stride, words, columns },
      };
      return { ...rest, rows, byteLength, meta: packData(layout) };
    },
  };
}

function copyTo(slab: Uint8Array, bytes: Uint8Array, range: BufferRange): void {
  slab.set(bytes, range[0]);
  clearTail(slab, range);
}

/** Every byte of a slab is written. */
function clearTail(slab: Uint8Array, [offset, size]: BufferRange): void {
  slab.fill(0, offset + size, offset + aligned(size));
}

function sourceOf(columns: readonly Column[], rows: number, many: number): Source {
  const parts = alike(columns);
  const { physical, type } = parts[0]!;
  const validity = concatValidity(parts, rows);
  const range = rangeOfPieces(parts.map(column => ({ column, at: null, gaps: false, rows: column.length })));
  const empty = { type, physical, length: 0, nullCount: 0, validity: null };
  const values = viewValues(physical, new ArrayBuffer(0), 0, 0);
  const known = range !== null && range.min <= range.max ? range : null;
  const common = { parts, physical, range: known, ...validity };
  if (physical !== 'code') {
    const shell = { ...empty, values, dictionary: null };
    return { ...common, maps: [], text: null, words: wordsInRecord(physical, false), shell };
  }
  const unified = oneDictionary(
    parts.map(part => part.dictionary!),
    rows,
  );
  const { maps } = unified;
  const id = dictionaryId(unified.dictionary, rows);
  const dictionary = id === null ? unified.dictionary : { ...unified.dictionary, id };
  const spans = dictionary.repeats === true || dictionary.length > Math.max(many, rows / 2);
  const shell = { ...empty, values, dictionary: spans ? emptyDictionary : dictionary };
  const text = spans ? dictionary : null;
  return { ...common, maps, text, words: wordsInRecord(physical, spans), shell };
}

/** Values of two words first, so that they are aligned. A record of up to 8 words lies in one line of the cache. */
function placesInRecord(sources: readonly Source[]): { places: number[]; stride: number } {
  const places = new Array<number>(sources.length).fill(0);
  let at = 0;
  for (const size of [2, 1]) {
    sources.forEach(({ words }, c) => {
      if (words !== size) return;
      places[c] = at;
      at += size;
    });
  }
  let stride = 2;
  while (stride < at && stride < 8) stride *= 2;
  return { places, stride: stride >= at ? stride : Math.ceil(at / 4) * 4 };
}

function recordsAt(slab: Uint8Array, [offset, size]: BufferRange, stride: number): Records {
  const { buffer } = slab;
  const from = slab.byteOffset + offset;
  return {
    words: new Int32Array(buffer, from, size / 4),
    singles: new Float32Array(buffer, from, size / 4),
    doubles: new Float64Array(buffer, from, size / 8),
    stride,
  };
}

type Pack = (bound: readonly unknown[], records: Records, from: number, rows: number) => void;

/** Writes the rows of batch `b`, the first of them to record `from`. */
function packRows(
  sources: readonly Source[],
  places: readonly number[],
  records: Records,
  b: number,
  from: number,
  rows: number,
): void {
  const { stride } = records;
  const bound: unknown[] = [];
  let head = '';
  let copy = '';
  let used = 0;
  const bind = (value: unknown): string => {
    const name = `p${bound.length}`;
    head += `const ${name}=P[${bound.length}];`;
    bound.push(value);
    return name;
  };
  sources.forEach(({ parts, physical, maps, text, words }, c) => {
    const { values, validity } = parts[b]!;
    const at = places[c]!;
    used += words;
    const v = bind(values);
    if (physical === 'f64') copy += `doubles[r/2+${at / 2}]=${v}[i];`;
    else if (physical === 'i64') copy += `words[r+${at}]=${v}[2*i];words[r+${at + 1}]=${v}[2*i+1];`;
    else if (physical === 'f32') copy += `singles[r+${at}]=${v}[i];`;
    else if (physical !== 'code') copy += `/*${physical}*/words[r+${at}]=${v}[i];`;
    else {
      const map = maps[b];
      const code = map == null || map.length === 0 ? `${v}[i]` : `${bind(map)}[${v}[i]]`;
      let put = `words[r+${at}]=${code};`;
      let none = `words[r+${at}]=0;`;
      if (text !== null) {
        const offsets = bind(text.offsets);
        put = `const e=${code},f=${offsets}[e];words[r+${at}]=f;words[r+${at + 1}]=${offsets}[e+1]-f;`;
        none += `words[r+${at + 1}]=0;`;
      }
      if (validity === null) copy += `{${put}}`;
      else copy += `if(((${bind(validity)}[i>>3]>>(i&7))&1)===0){${none}}else{${put}}`;
    }
  });
  for (let w = used; w < stride; w++) copy += `words[r+${w}]=0;`;
  compile<Pack>(
    ['P', 'records', 'from', 'rows'],
    `${head}const {words,singles,doubles}=records;for(let i=0;i<rows;i++){const r=(from+i)*${stride};${copy}}`,
  )(bound, records, from, rows);
}

/** The rows of a slab that recordsWriter wrote, without copying: columns that can only be gathered. */
export function readRecords({ header, bytes }: FragmentInput, shared: SharedDictionaries): Batch {
  const { records, rows } = unpackData<Partial<RecordsMeta>>(header.meta);
  if (typeof records !== 'object' || rows !== header.rows || !(records.shell instanceof Uint8Array))
    throw corrupt('no records');
  const { shell, shellBytes, stride, words } = records;
  const shellHeader = { ...header, rows: 0, byteLength: shellBytes, meta: shell };
  const layout = decodeBatch(shellHeader, bytes, shared);
  const inside = (range: BufferRange, size: number): Uint8Array => {
    const [offset, length] = Array.isArray(range) ? (range as BufferRange) : [-1, -1];
    const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0;
    if (!whole || offset % 8 !== 0 || length !== size || offset + length > bytes.byteLength)
      throw corrupt('range');
    return bytes.subarray(offset, offset + length);
  };
  if (!Number.isSafeInteger(stride) || stride < 2 || stride % 2 !== 0) throw corrupt('record size');
  inside(words, rows * stride * 4);
  if (!Array.isArray(records.columns) || records.columns.length !== layout.columns.length)
    throw corrupt('columns');
  const all = recordsAt(bytes, words, stride);
  const columns = records.columns.map(({ at, nullCount, validity, range, text }, c): PackedColumn => {
    const column = layout.columns[c]!;
    const size = wordsInRecord(column.physical, text !== null);
    if (!Number.isSafeInteger(at) || at < 0 || at + size > stride) throw corrupt('place in a record');
    if (column.physical === 'f64' && at % 2 !== 0) throw corrupt('alignment in a record');
    return {
      ...column,
      length: rows,
      nullCount,
      validity: validity === null ? null : inside(validity, bitmapBytes(rows)),
      ...rangeOfRecords(range),
      packed: { records: all, at, text: text === null ? null : inside(text, text[1]) },
    };
  });
  return { schema: layout.schema, rows, columns };
}

function rangeOfRecords(range: RecordColumn['range']): { range?: ValueRange } {
  if (range === null) return {};
  const [min, max] = range;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || min > max) throw corrupt('bounds');
  return { range: { min, max } };
}

function corrupt(detail: string): VolleyError {
  return new VolleyError('CORRUPT_PARTITION', `build rows are not what their header says: ${detail}`, {
    detail,
  });
}
