import { VolleyError } from '../../core/base/errors.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import { compile } from '../codegen/compile.js';
import type { Batch, Column, Dictionary, Physical, ValueRange } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { dictionaryId, manyEntries, oneDictionary } from '../column/dictionary.js';
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
import { packMeta, unpackMeta } from '../column/slab-meta.js';
import { alike } from '../kernels/concat.js';
import { type Cell, cellText, type PackedColumn, type Records } from '../kernels/packed.js';
import { rangeOfPieces } from './store-gathered.js';
import type { FragmentInput } from './task.js';

/** Beside the layout of a batch of no rows, which holds types, bounds and dictionaries: where the records lie. */
interface RecordsMeta extends PartitionMeta {
  readonly records: {
    readonly shell: PartitionMeta;
    readonly shellBytes: number;
    readonly stride: number;
    readonly words: BufferRange;
    readonly columns: readonly RecordColumn[];
  };
}

interface RecordColumn {
  readonly cell: Cell;
  readonly nullCount: number;
  /** The bit of a record that is 1 where the value is not null; null: it never is. */
  readonly flag: number | null;
  readonly range: readonly [number, number] | null;
  /** Strings that lie one after another, or in the records; null: not text, or codes of the shell's dictionary. */
  readonly text: BufferRange | 'inline' | null;
}

/** One column of all batches. */
interface Source {
  readonly parts: readonly Column[];
  readonly physical: Physical;
  readonly nullCount: number;
  /** Codes by code of each part; null: the same. */
  readonly maps: readonly (Int32Array | null)[];
  /** Text of many strings lies in the records: as places in these bytes, or itself where it is short. */
  readonly text: Dictionary | 'inline' | null;
  /** Bytes that a value takes, and what an integer is stored less. */
  readonly size: number;
  readonly base: number;
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
  const { cells, flags, stride } = cellsOf(sources);
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
    ({ nullCount, text, range }, c): RecordColumn => ({
      cell: cells[c]!,
      nullCount,
      range: range === null ? null : [range.min, range.max],
      flag: flags[c]!,
      text: text === null || text === 'inline' ? text : take(text.bytes.byteLength),
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
        packRows(sources, { cells, flags }, records, b, from, part.rows);
        from += part.rows;
      });
      clearTail(slab, words);
      columns.forEach(({ text }, c) => {
        if (text !== null && text !== 'inline') copyTo(slab, (sources[c]!.text as Dictionary).bytes, text);
      });
      const layout: RecordsMeta = {
        rows,
        columns: [],
        records: { shell: unpackMeta<PartitionMeta>(meta), shellBytes, stride, words, columns },
      };
      return { ...rest, rows, byteLength, meta: packMeta(layout) };
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
  const nullCount = parts.reduce((sum, part) => sum + part.nullCount, 0);
  const range = rangeOfPieces(parts.map(column => ({ column, at: null, gaps: false, rows: column.length })));
  const empty = { type, physical, length: 0, nullCount: 0, validity: null };
  const values = viewValues(physical, new ArrayBuffer(0), 0, 0);
  const known = range !== null && range.min <= range.max ? range : null;
  const common = { parts, physical, range: known, nullCount };
  if (physical !== 'code') {
    const shell = { ...empty, values, dictionary: null };
    return { ...common, maps: [], text: null, ...sizeOfValue(physical, known), shell };
  }
  const coded = (dictionary: Dictionary) => ({ ...empty, values, dictionary });
  const dictionaries = parts.map(part => part.dictionary!);
  if (isShort(dictionaries, Math.max(many, rows / 2))) {
    const size = 4 * Math.ceil((longestOf(dictionaries) + 1) / 4);
    return { ...common, maps: [], text: 'inline', size, base: 0, shell: coded(emptyDictionary) };
  }
  const unified = oneDictionary(dictionaries, rows);
  const { maps } = unified;
  const id = dictionaryId(unified.dictionary, rows);
  const dictionary = id === null ? unified.dictionary : { ...unified.dictionary, id };
  if (dictionary.repeats === true || dictionary.length > Math.max(many, rows / 2))
    return { ...common, maps, text: dictionary, size: 8, base: 0, shell: coded(emptyDictionary) };
  const codes = { min: 0, max: Math.max(0, dictionary.length - 1) };
  return { ...common, maps, text: null, ...sizeOfValue(physical, codes), shell: coded(dictionary) };
}

/** True for many strings that are short: nothing is gained by having each once, and reading them elsewhere costs most. */
function isShort(dictionaries: readonly Dictionary[], many: number): boolean {
  let entries = 0;
  for (const { length } of new Set(dictionaries)) entries += length;
  return entries > many && longestOf(dictionaries) <= shortBytes;
}

/** Bytes of a string that lies in a record: with its length they are half a line of the cache at most. */
const shortBytes = 15;

function longestOf(dictionaries: readonly Dictionary[]): number {
  let longest = 0;
  for (const { length, offsets } of new Set(dictionaries)) {
    for (let e = 0; e < length; e++) longest = Math.max(longest, offsets[e + 1]! - offsets[e]!);
  }
  return longest;
}

function sizeOfValue(physical: Physical, range: ValueRange | null): { size: number; base: number } {
  if (physical === 'bool') return { size: 1, base: 0 };
  if (range !== null && physical !== 'i64') {
    const { min, max } = range;
    if (max - min < 256) return { size: 1, base: min };
    if (max - min < 65_536) return { size: 2, base: min };
    if (physical === 'f64' && max - min < 2 ** 32) return { size: 4, base: min };
  }
  return { size: physical === 'f64' || physical === 'i64' ? 8 : 4, base: 0 };
}

/** Where the values of each column lie in a record, and the bits that say which are null. */
interface Places {
  readonly cells: readonly Cell[];
  readonly flags: readonly (number | null)[];
}

/** Larger values first, so that all are aligned. A record of up to 32 bytes lies in one line of the cache. */
function cellsOf(sources: readonly Source[]): Places & { stride: number } {
  const cells = sources.map(({ size, base }): Cell => ({ at: 0, size, base }));
  let at = 0;
  const put = (belongs: (source: Source) => boolean) => {
    sources.forEach((source, c) => {
      if (!belongs(source)) return;
      cells[c] = { ...cells[c]!, at };
      at += source.size;
    });
  };
  put(({ size, text }) => size === 8 && text !== 'inline');
  put(({ size, text }) => size === 4 || text === 'inline');
  put(({ size }) => size === 2);
  put(({ size }) => size === 1);
  let bit = at * 8;
  const flags = sources.map(({ nullCount }) => (nullCount === 0 ? null : bit++));
  at = Math.ceil(bit / 8);
  let stride = 8;
  while (stride < at && stride < 32) stride *= 2;
  return { cells, flags, stride: (stride >= at ? stride : Math.ceil(at / 16) * 16) / 4 };
}

function recordsAt(slab: Uint8Array, [offset, size]: BufferRange, stride: number): Records {
  const { buffer } = slab;
  const from = slab.byteOffset + offset;
  return {
    words: new Int32Array(buffer, from, size / 4),
    singles: new Float32Array(buffer, from, size / 4),
    doubles: new Float64Array(buffer, from, size / 8),
    halves: new Uint16Array(buffer, from, size / 2),
    bytes: new Uint8Array(buffer, from, size),
    stride,
  };
}

type Pack = (bound: readonly unknown[], records: Records, from: number, rows: number) => void;

/** Writes the rows of batch `b`, the first of them to record `from`. */
function packRows(
  sources: readonly Source[],
  { cells, flags }: Places,
  records: Records,
  b: number,
  from: number,
  rows: number,
): void {
  const bound: unknown[] = [];
  let head = '';
  let copy = '';
  const bind = (value: unknown): string => {
    head += `const p${bound.length}=P[${bound.length}];`;
    return `p${bound.push(value) - 1}`;
  };
  sources.forEach(({ parts, physical, maps, text, base }, c) => {
    const { values, validity, dictionary } = parts[b]!;
    const { at, size } = cells[c]!;
    const flag = flags[c]!;
    const v = bind(values);
    const word = (w: number) => `words[r+${at / 4 + w}]`;
    const map = maps[b];
    const code = map == null || map.length === 0 ? `${v}[i]` : `${bind(map)}[${v}[i]]`;
    let put: string;
    if (text === 'inline') put = shortText(dictionary!, code, size, word, bind);
    else if (text !== null) {
      const offsets = bind(text.offsets);
      put = `const e=${code},f=${offsets}[e];${word(0)}=f;${word(1)}=${offsets}[e+1]-f;`;
    } else if (physical === 'i64') put = `${word(0)}=${v}[2*i];${word(1)}=${v}[2*i+1];`;
    else {
      const less = base === 0 ? '' : `-${bind(base)}`;
      put = `/*${physical}*/${cellText(physical, cells[c]!)}=${code}${less};`;
    }
    const valid = validity === null ? '1' : `((${bind(validity)}[i>>3]>>(i&7))&1)`;
    if (flag !== null) copy += `bytes[4*r+${flag >> 3}]|=${valid}<<${flag & 7};`;
    // A null slot's code 0 may be mapped to another entry: it is 0 here. Values need no such care.
    if (physical !== 'code' || validity === null) copy += `{${put}}`;
    else copy += `if(${valid}===0){${none(text, cells[c]!)}}else{${put}}`;
  });
  const used = cells.reduce((end, { at, size }) => Math.max(end, at + size), 0);
  const clear = Array.from(
    { length: records.stride - Math.floor(used / 4) },
    (_, w) => `words[r+${Math.floor(used / 4) + w}]=0;`,
  );
  compile<Pack>(
    ['P', 'records', 'from', 'rows'],
    `${head}const {words,singles,doubles,halves,bytes}=records;for(let i=0;i<rows;i++){const r=(from+i)*${records.stride};${clear.join('')}${copy}}`,
  )(bound, records, from, rows);
}

/** Sets what a null of text holds: nothing. */
function none(text: Source['text'], cell: Cell): string {
  if (text === null) return `${cellText('code', cell)}=0;`;
  return Array.from({ length: cell.size / 4 }, (_, w) => `words[r+${cell.at / 4 + w}]=0;`).join('');
}

/** The bytes of a string, zeros behind them, and its length in the last byte. */
function shortText(
  dictionary: Dictionary,
  code: string,
  size: number,
  word: (w: number) => string,
  bind: (value: unknown) => string,
): string {
  const { bytes, offsets: ends } = dictionary;
  const offsets = bind(ends);
  const source = bind(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  let whole = '';
  let slow = '';
  for (let w = 0; w < size / 4; w++) {
    const left = w === 0 ? 'n' : `(n-${4 * w})`;
    const masked = `(${left}>=4?x:${left}<=0?0:x&((1<<8*${left})-1))`;
    const last = w === size / 4 - 1 ? '|n<<24' : '';
    whole += `{const x=${source}.getInt32(f+${4 * w},true);${word(w)}=${masked}${last};}`;
    slow += `{let x=0;for(let q=0;q<4&&q+${4 * w}<n;q++)x|=${source}.getUint8(f+${4 * w}+q)<<8*q;${word(w)}=x${last};}`;
  }
  // What lies behind the last strings may be no memory of theirs.
  return `const e=${code},f=${offsets}[e],n=${offsets}[e+1]-f;if(f+${size}<=${bind(bytes.byteLength)}){${whole}}else{${slow}}`;
}

/** The rows of a slab that recordsWriter wrote, without copying: columns that can only be gathered. */
export function readRecords({ header, bytes }: FragmentInput, shared: SharedDictionaries): Batch {
  const { records, rows } = unpackMeta<Partial<RecordsMeta>>(header.meta);
  if (typeof records !== 'object' || rows !== header.rows) throw corrupt('no records');
  const { shell, shellBytes, stride, words } = records;
  const shellHeader = { ...header, rows: 0, byteLength: shellBytes, meta: packMeta(shell) };
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
  const columns = records.columns.map(({ cell, nullCount, flag, range, text }, c): PackedColumn => {
    const column = layout.columns[c]!;
    if (!isCell(cell, column.physical, text, stride)) throw corrupt('place in a record');
    if (!isFlag(flag, nullCount, stride)) throw corrupt('nulls of a record');
    return {
      ...column,
      length: rows,
      nullCount,
      ...rangeOfRecords(range),
      packed: {
        records: all,
        cell,
        flag,
        text: text === null || text === 'inline' ? text : inside(text, text[1]),
      },
    };
  });
  return { schema: layout.schema, rows, columns };
}

function isFlag(flag: number | null, nullCount: number, stride: number): boolean {
  if (flag === null) return nullCount === 0;
  return nullCount > 0 && Number.isSafeInteger(flag) && flag >= 0 && flag < stride * 32;
}

function isCell(
  { at, size, base }: Cell,
  physical: Physical,
  text: RecordColumn['text'],
  stride: number,
): boolean {
  if (![at, size, base].every(Number.isSafeInteger) || at < 0 || at + size > stride * 4) return false;
  if (text !== null) {
    const inline = text === 'inline' && size >= 4 && size <= shortBytes + 1;
    return (
      physical === 'code' && at % 4 === 0 && size % 4 === 0 && (inline || (Array.isArray(text) && size === 8))
    );
  }
  const least = physical === 'i64' ? 8 : physical === 'f32' ? 4 : 1;
  const most = physical === 'i64' || physical === 'f64' ? 8 : 4;
  return [1, 2, 4, 8].includes(size) && size >= least && size <= most && at % size === 0;
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
