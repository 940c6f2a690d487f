import { crc32 } from 'node:zlib';
import { countValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import type { FileElement } from './encode.js';
import { definitionLevels, dictionaryCodes } from './encode-levels.js';
import { fileValues } from './encode-values.js';
import { type ThriftFields, thrift } from './thrift.js';

/** Rows of a page: what readers with the page index may leave out. */
const pageRows = 32_768;
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
  const values = fileValues(column, element.type);
  const { dictionary } = values;
  const parts: Uint8Array[] = [];
  const pages: WrittenPage[] = [];
  let offset = start;
  let uncompressed = 0;
  const add = (page: Uint8Array, kind: (fields: ThriftFields) => void) => {
    const packed = codec.pack(page);
    const header = thrift(fields => {
      fields.i32(1, dictionary !== null && parts.length === 0 ? 2 : 0);
      fields.i32(2, page.length);
      fields.i32(3, packed.length);
      fields.i32(4, crc32(packed) | 0);
      kind(fields);
    });
    parts.push(header, packed);
    offset += header.length + packed.length;
    uncompressed += header.length + page.length;
  };
  if (dictionary !== null) {
    add(dictionary.page, fields =>
      fields.struct(7, page => {
        page.i32(1, dictionary.entries);
        page.i32(2, Encoding.Plain);
      }),
    );
  }
  const firstData = offset;
  const encoding = dictionary === null ? Encoding.Plain : Encoding.RleDictionary;
  for (let from = 0; from < column.length || from === 0; from += pageRows) {
    const to = Math.min(column.length, from + pageRows);
    const levels = definitionLevels(column.validity, from, to);
    const body =
      dictionary === null
        ? values.plain(from, to)
        : dictionaryCodes(validOnly(dictionary.codes, column, from, to), dictionary.entries);
    const at = offset;
    add(Buffer.concat([levels, body]), fields =>
      fields.struct(5, page => {
        page.i32(1, to - from);
        page.i32(2, encoding);
        page.i32(3, Encoding.Rle);
        page.i32(4, Encoding.Rle);
      }),
    );
    const nulls = column.validity === null ? 0 : to - from - validIn(column.validity, from, to);
    const bounds = values.bounds(from, to);
    pages.push({ offset: at, bytes: offset - at, firstRow: from, nulls, rows: to - from, bounds });
  }
  const compressed = offset - start;
  const bounds = values.bounds(0, column.length);
  const columnIndex = { bytes: columnIndexOf(pages), offset: 0 };
  const offsetIndex = { bytes: offsetIndexOf(pages), offset: 0 };
  const metadata = (fields: ThriftFields) => {
    fields.i64(2, 0);
    fields.struct(3, chunk => {
      chunk.i32(1, element.type);
      chunk.i32s(
        2,
        dictionary === null ? [Encoding.Rle, Encoding.Plain] : [Encoding.Rle, Encoding.Plain, encoding],
      );
      chunk.binaries(3, [element.name]);
      chunk.i32(4, codec.number);
      chunk.i64(5, column.length);
      chunk.i64(6, uncompressed);
      chunk.i64(7, compressed);
      chunk.i64(9, firstData);
      if (dictionary !== null) chunk.i64(11, start);
      chunk.struct(12, statistics => {
        statistics.i64(3, column.nullCount);
        if (bounds === null) return;
        statistics.binary(5, bounds[1]);
        statistics.binary(6, bounds[0]);
      });
    });
    fields.i64(4, offsetIndex.offset);
    fields.i32(5, offsetIndex.bytes.length);
    if (columnIndex.bytes.length === 0) return;
    fields.i64(6, columnIndex.offset);
    fields.i32(7, columnIndex.bytes.length);
  };
  return { chunk: { start, uncompressed, compressed, columnIndex, offsetIndex, metadata }, parts };
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
