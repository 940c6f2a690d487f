import { crc32 } from 'node:zlib';
import { countValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import type { FileElement } from './encode.js';
import { definitionLevels, dictionaryCodes } from './encode-levels.js';
import { type FileValues, fileValues } from './encode-values.js';
import { type ThriftFields, thrift } from './thrift.js';

/** Rows of a page: what readers with the page index may leave out. */
const pageRows = 32_768;
const PageType = { Data: 0, Dictionary: 2 } as const;
const Encoding = { Plain: 0, Rle: 3, RleDictionary: 8 } as const;

export interface Codec {
  /** Parquet's number. */
  readonly number: number;
  pack(page: Uint8Array): Uint8Array;
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

/** The pages of a column, a dictionary page in front where that is shorter. `start`: where the first one will lie. */
export function encodeChunk(
  column: Column,
  element: FileElement,
  codec: Codec,
  start: number,
): { chunk: WrittenChunk; parts: Uint8Array[] } {
  const encoder = new ChunkEncoder(column, element, codec, start);
  return { chunk: encoder.encode(), parts: encoder.parts };
}

class ChunkEncoder {
  /** In file order. */
  readonly parts: Uint8Array[] = [];
  readonly #column: Column;
  readonly #element: FileElement;
  readonly #codec: Codec;
  readonly #values: FileValues;
  readonly #pages: WrittenPage[] = [];
  readonly #start: number;
  #offset: number;
  #uncompressed = 0;

  constructor(column: Column, element: FileElement, codec: Codec, start: number) {
    this.#column = column;
    this.#element = element;
    this.#codec = codec;
    this.#values = fileValues(column, element.type);
    this.#start = start;
    this.#offset = start;
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
    for (let from = 0; from < this.#column.length; from += pageRows) {
      this.#dataPage(from, Math.min(this.#column.length, from + pageRows));
    }
    return writtenChunk(this.#facts(firstData), columnIndexOf(this.#pages), offsetIndexOf(this.#pages));
  }

  #dataPage(from: number, to: number): void {
    const { validity } = this.#column;
    const { dictionary } = this.#values;
    const levels = definitionLevels(validity, from, to);
    const body =
      dictionary === null
        ? this.#values.plain(from, to)
        : dictionaryCodes(validOnly(dictionary.codes, this.#column, from, to), dictionary.entries);
    const offset = this.#offset;
    this.#add(PageType.Data, Buffer.concat([levels, body]), fields =>
      fields.struct(5, page => {
        page.i32(1, to - from);
        page.i32(2, dictionary === null ? Encoding.Plain : Encoding.RleDictionary);
        page.i32(3, Encoding.Rle);
        page.i32(4, Encoding.Rle);
      }),
    );
    const rows = to - from;
    const nulls = validity === null ? 0 : rows - validIn(validity, from, to);
    const bounds = this.#values.bounds(from, to);
    this.#pages.push({ offset, bytes: this.#offset - offset, firstRow: from, nulls, rows, bounds });
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
    const { length, nullCount } = this.#column;
    return {
      element: this.#element,
      codec: this.#codec.number,
      coded: this.#values.dictionary !== null,
      values: length,
      nulls: nullCount,
      bounds: this.#values.bounds(0, length),
      uncompressed: this.#uncompressed,
      compressed: this.#offset - this.#start,
      start: this.#start,
      firstData,
    };
  }
}

/** What the footer says of a chunk. It is written last, and must not keep the column until then. */
interface ChunkFacts {
  readonly element: FileElement;
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

function writtenChunk(facts: ChunkFacts, columnBytes: Uint8Array, offsetBytes: Uint8Array): WrittenChunk {
  const { start, uncompressed, compressed } = facts;
  const columnIndex = { bytes: columnBytes, offset: 0 };
  const offsetIndex = { bytes: offsetBytes, offset: 0 };
  const metadata = (fields: ThriftFields) => {
    fields.i64(2, 0);
    fields.struct(3, columnMetadata(facts));
    fields.i64(4, offsetIndex.offset);
    fields.i32(5, offsetIndex.bytes.length);
    if (columnIndex.bytes.length === 0) return;
    fields.i64(6, columnIndex.offset);
    fields.i32(7, columnIndex.bytes.length);
  };
  return { start, uncompressed, compressed, columnIndex, offsetIndex, metadata };
}

function columnMetadata(facts: ChunkFacts): (chunk: ThriftFields) => void {
  const { element, coded, bounds } = facts;
  return chunk => {
    chunk.i32(1, element.type);
    chunk.i32s(2, [Encoding.Rle, Encoding.Plain, ...(coded ? [Encoding.RleDictionary] : [])]);
    chunk.binaries(3, [element.name]);
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

function validOnly(codes: Int32Array, { validity }: Column, from: number, to: number): Int32Array {
  if (validity === null) return codes.subarray(from, to);
  const out = new Int32Array(to - from);
  let n = 0;
  for (let i = from; i < to; i++) if (((validity[i >> 3]! >> (i & 7)) & 1) === 1) out[n++] = codes[i]!;
  return out.subarray(0, n);
}
