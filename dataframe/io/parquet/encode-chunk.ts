import { crc32 } from 'node:zlib';
import { countValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { copyInto } from '../../column/copy-bytes.js';
import { type Lent, lending } from '../../kernels/lent.js';
import { type FileElement, FileType } from './encode.js';
import { bloomFilter } from './encode-bloom.js';
import { definitionLevels, dictionaryCodes, levelRuns } from './encode-levels.js';
import type { Leaf } from './encode-shape.js';
import { type FileValues, fileValues, sizes, validOnly } from './encode-values.js';
import { type ThriftFields, thrift } from './thrift.js';

/** Rows of a page: what readers with the page index may leave out. */
const pageRows = 32_768;
const PageType = { Data: 0, Dictionary: 2 } as const;
const Encoding = { Plain: 0, Rle: 3, RleDictionary: 8 } as const;

export interface Codec {
  /** Parquet's number. */
  readonly number: number;
  readonly pack: (page: Uint8Array) => Uint8Array;
}

/** One column of one row group as it lies in the file, for the footer. */
export interface WrittenChunk {
  readonly start: number;
  /** Bytes with page headers. */
  readonly uncompressed: number;
  readonly compressed: number;
  /** Written behind all row groups; the offset is known then. */
  readonly columnIndex: IndexPart;
  readonly offsetIndex: IndexPart;
  /** Where its Bloom filter is; null: it has none. */
  readonly bloomFilter: { offset: number; readonly length: number } | null;
  metadata(fields: ThriftFields): void;
}

export interface IndexPart {
  readonly bytes: Uint8Array;
  offset: number;
}

interface WrittenPage {
  readonly offset: number;
  readonly bytes: number;
  readonly firstRow: number;
  readonly nulls: number;
  readonly rows: number;
  readonly bounds: readonly [Uint8Array, Uint8Array] | null;
}

export interface EncodedChunk {
  readonly chunk: WrittenChunk;
  /** In file order. Some of them are lent. */
  readonly parts: readonly Uint8Array[];
  /** Written behind the row group. */
  readonly bloom: Uint8Array | null;
}

/** The pages of a column, a dictionary page in front where that is shorter. `start`: where the first one will lie. */
export function encodeChunk(
  leaf: Leaf,
  codec: Codec,
  start: number,
  filtered: boolean,
  lent: Lent,
): EncodedChunk {
  const encoder = new ChunkEncoder(leaf, codec, start, filtered, lent);
  const chunk = encoder.encode();
  return { chunk, parts: encoder.parts, bloom: encoder.bloom };
}

class ChunkEncoder {
  readonly parts: Uint8Array[] = [];
  readonly bloom: Uint8Array | null;
  readonly #leaf: Leaf;
  readonly #column: Column;
  readonly #codec: Codec;
  readonly #lent: Lent;
  readonly #values: FileValues;
  readonly #pages: WrittenPage[] = [];
  readonly #start: number;
  #offset: number;
  #uncompressed = 0;

  constructor(leaf: Leaf, codec: Codec, start: number, filtered: boolean, lent: Lent) {
    this.#leaf = leaf;
    this.#column = leaf.column;
    this.#codec = codec;
    this.#lent = lent;
    this.#values = fileValues(leaf.column, leaf.element.type, lent);
    this.#start = start;
    this.#offset = start;
    this.bloom = filtered ? this.#filter() : null;
  }

  encode(): WrittenChunk {
    const { dictionary } = this.#values;
    if (dictionary !== null) {
      this.#add(PageType.Dictionary, dictionary.page, fields =>
        fields.struct(7, page => {
          page.i32(1, dictionary.entries);
          page.i32(2, Encoding.Plain);
        }),
      );
    }
    const firstData = this.#offset;
    const { rows, shape } = this.#leaf;
    for (let from = 0; from < rows; from += pageRows) {
      this.#dataPage(from, Math.min(rows, from + pageRows));
    }
    // Of lists, the bounds of pages say nothing of rows.
    const index = shape?.repetition ? new Uint8Array(0) : columnIndexOf(this.#pages);
    const filter = this.bloom === null ? null : { offset: 0, length: this.bloom.length };
    return writtenChunk(this.#facts(firstData), index, offsetIndexOf(this.#pages), filter);
  }

  /** Over the dictionary where there is one: it has each value once. */
  #filter(): Uint8Array {
    const { dictionary } = this.#values;
    const { length } = this.#column;
    const { type, length: fixed } = this.#leaf.element;
    const size = type === FileType.ByteArray ? null : (fixed ?? sizes[type]!);
    const plain = dictionary?.page ?? this.#values.plain(0, length, this.#lent);
    return bloomFilter(plain, dictionary?.entries ?? this.#present(0, length), type, size);
  }

  /** Repetition and definition levels of rows, and how many entries they are. */
  #levels(from: number, to: number, lent: Lent): { levels: Uint8Array; entries: number } {
    const { shape } = this.#leaf;
    if (shape === null) {
      return { levels: definitionLevels(this.#column.validity, from, to), entries: to - from };
    }
    const { definition, most, repetition, depth, entries } = shape;
    const [first, end] = entries === null ? [from, to] : [entries[from]!, entries[to]!];
    const defined = levelRuns(definition.subarray(first, end), most, lent);
    const levels =
      repetition === null
        ? defined
        : joined([levelRuns(repetition.subarray(first, end), depth, lent), defined], lent);
    return { levels, entries: end - first };
  }

  /** Values that are there. */
  #present(from: number, to: number): number {
    const { shape } = this.#leaf;
    const { validity } = this.#column;
    if (shape === null) return validity === null ? to - from : validIn(validity, from, to);
    const { definition, most, entries } = shape;
    let present = 0;
    for (let e = entries?.[from] ?? from; e < (entries?.[to] ?? to); e++)
      present += definition[e] === most ? 1 : 0;
    return present;
  }

  #dataPage(firstRow: number, endRow: number): void {
    const { dictionary } = this.#values;
    const starts = this.#leaf.shape?.values ?? null;
    const [from, to] = starts === null ? [firstRow, endRow] : [starts[firstRow]!, starts[endRow]!];
    const offset = this.#offset;
    const { page, entries } = lending(lent => {
      const { levels, entries } = this.#levels(firstRow, endRow, lent);
      const body =
        dictionary === null
          ? this.#values.plain(from, to, lent)
          : dictionaryCodes(
              validOnly(dictionary.codes, this.#column, from, to, lent),
              dictionary.entries,
              lent,
            );
      return { page: joined([levels, body], this.#lent), entries };
    });
    this.#add(PageType.Data, page, fields =>
      fields.struct(5, page => {
        page.i32(1, entries);
        page.i32(2, dictionary === null ? Encoding.Plain : Encoding.RleDictionary);
        page.i32(3, Encoding.Rle);
        page.i32(4, Encoding.Rle);
      }),
    );
    const nulls = entries - this.#present(firstRow, endRow);
    const bounds = this.#values.bounds(from, to);
    this.#pages.push({ offset, bytes: this.#offset - offset, firstRow, nulls, rows: entries, bounds });
  }

  #add(type: number, page: Uint8Array, kind: (fields: ThriftFields) => void): void {
    const packed = this.#codec.pack(page);
    const header = thrift(fields => {
      fields.i32(1, type);
      fields.i32(2, page.length);
      fields.i32(3, packed.length);
      fields.i32(4, crc32(packed) | 0);
      kind(fields);
    });
    this.parts.push(header, packed);
    this.#offset += header.length + packed.length;
    this.#uncompressed += header.length + page.length;
  }

  #facts(firstData: number): ChunkFacts {
    const { length } = this.#column;
    const { element, path } = this.#leaf;
    return {
      element,
      path,
      codec: this.#codec.number,
      coded: this.#values.dictionary !== null,
      values: this.#pages.reduce((sum, { rows }) => sum + rows, 0),
      nulls: this.#pages.reduce((sum, { nulls }) => sum + nulls, 0),
      bounds: this.#values.bounds(0, length),
      uncompressed: this.#uncompressed,
      compressed: this.#offset - this.#start,
      start: this.#start,
      firstData,
    };
  }
}

/** Behind one another. */
export function joined(parts: readonly Uint8Array[], lent: Lent): Uint8Array {
  const out = lent.bytes(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    copyInto(out, at, part);
    at += part.length;
  }
  return out;
}

/** What the footer says of a chunk. It is written last, and must not keep the column until then. */
interface ChunkFacts {
  readonly element: FileElement;
  readonly path: readonly string[];
  readonly codec: number;
  readonly coded: boolean;
  readonly values: number;
  readonly nulls: number;
  readonly bounds: readonly [Uint8Array, Uint8Array] | null;
  readonly uncompressed: number;
  readonly compressed: number;
  readonly start: number;
  readonly firstData: number;
}

function writtenChunk(
  facts: ChunkFacts,
  columnBytes: Uint8Array,
  offsetBytes: Uint8Array,
  bloomFilter: WrittenChunk['bloomFilter'],
): WrittenChunk {
  const { start, uncompressed, compressed } = facts;
  const columnIndex = { bytes: columnBytes, offset: 0 };
  const offsetIndex = { bytes: offsetBytes, offset: 0 };
  const metadata = (fields: ThriftFields) => {
    fields.i64(2, 0);
    fields.struct(3, columnMetadata(facts, bloomFilter));
    fields.i64(4, offsetIndex.offset);
    fields.i32(5, offsetIndex.bytes.length);
    if (columnIndex.bytes.length === 0) return;
    fields.i64(6, columnIndex.offset);
    fields.i32(7, columnIndex.bytes.length);
  };
  return { start, uncompressed, compressed, columnIndex, offsetIndex, bloomFilter, metadata };
}

function columnMetadata(
  facts: ChunkFacts,
  bloomFilter: WrittenChunk['bloomFilter'],
): (chunk: ThriftFields) => void {
  const { element, coded, bounds } = facts;
  return chunk => {
    chunk.i32(1, element.type);
    chunk.i32s(2, [Encoding.Rle, Encoding.Plain, ...(coded ? [Encoding.RleDictionary] : [])]);
    chunk.binaries(3, facts.path);
    chunk.i32(4, facts.codec);
    chunk.i64(5, facts.values);
    chunk.i64(6, facts.uncompressed);
    chunk.i64(7, facts.compressed);
    chunk.i64(9, facts.firstData);
    if (coded) chunk.i64(11, facts.start);
    chunk.struct(12, statistics => {
      statistics.i64(3, facts.nulls);
      if (bounds === null) return;
      statistics.binary(5, bounds[1]);
      statistics.binary(6, bounds[0]);
    });
    if (bloomFilter === null) return;
    chunk.i64(14, bloomFilter.offset);
    chunk.i32(15, bloomFilter.length);
  };
}

/** Empty where some page has values but no bounds: then there is no index. */
function columnIndexOf(pages: readonly WrittenPage[]): Uint8Array {
  if (pages.some(({ bounds, nulls, rows }) => bounds === null && nulls < rows)) return new Uint8Array(0);
  const none = new Uint8Array(0);
  return thrift(index => {
    index.bools(
      1,
      pages.map(({ bounds }) => bounds === null),
    );
    index.binaries(
      2,
      pages.map(({ bounds }) => bounds?.[0] ?? none),
    );
    index.binaries(
      3,
      pages.map(({ bounds }) => bounds?.[1] ?? none),
    );
    index.i32(4, 0);
    index.i64s(
      5,
      pages.map(({ nulls }) => nulls),
    );
  });
}

function offsetIndexOf(pages: readonly WrittenPage[]): Uint8Array {
  return thrift(index =>
    index.structs(1, pages, ({ offset, bytes, firstRow }, page) => {
      page.i64(1, offset);
      page.i32(2, bytes);
      page.i64(3, firstRow);
    }),
  );
}

function validIn(validity: Uint8Array, from: number, to: number): number {
  // Pages begin at whole bytes.
  return countValid(validity.subarray(from >> 3), to - from);
}
