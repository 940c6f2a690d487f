import { isUtf8 } from 'node:buffer';
import type { ColumnMetaData, PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { limits } from '../../../core/base/limits.js';
import { packValidity } from '../../column/bitmap.js';
import type { Column, Dictionary, Physical, Values } from '../../column/column.js';
import { allocateValues, physicalOf } from '../../column/layout.js';
import { asBadData, badData } from '../errors.js';
import { readRange } from '../paths.js';
import type { SourceHandle } from '../source.js';
import { decompress } from './decompress.js';
import { decodeHybrid } from './hybrid.js';
import type { FileColumn } from './types.js';
import { BeyondSafe, createSink, type ValueSink } from './values.js';

/** Where a column chunk lies. */
export interface ChunkPlace {
  readonly handle: SourceHandle;
  readonly size: number;
  readonly file: string;
}

/**
 * Reads one column of one row group.
 * @throws BAD_DATA whatever the bytes are: sizes and codes are checked before they are used
 */
export async function readChunk(
  place: ChunkPlace,
  column: FileColumn,
  chunk: ColumnMetaData,
  rows: number,
): Promise<Column> {
  const bad = { file: place.file, column: column.name };
  const start = Number(firstPage(chunk));
  const length = Number(chunk.total_compressed_size);
  if (!(start >= 4) || !(length >= 0) || start + length > place.size) {
    throw badData(bad, `its pages claim bytes ${start} to ${start + length} of a file of ${place.size}`);
  }
  if (chunk.type !== column.element.type) {
    throw badData(bad, `its pages hold ${chunk.type}, its schema says ${column.element.type}`);
  }
  if (Number(chunk.num_values) !== rows) {
    throw badData(bad, `it claims ${chunk.num_values} values in a row group of ${rows} rows`);
  }
  // Nulls pack into next to no bytes, so only the budget bounds what a row count may allocate.
  if (rows * bytesPerRow(column) > limits.parquetDecodedBytes) {
    throw badData(bad, `a row group of ${rows} rows exceeds ${limits.parquetDecodedBytes} decoded bytes`);
  }
  const bytes = await readRange(place.handle, start, length);
  if (bytes.length < length) {
    throw badData(bad, `the file ends at byte ${start + bytes.length}, within its pages`);
  }
  const physical = physicalOf(column.type);
  try {
    try {
      return decodeChunk(bytes, column, chunk, rows, physical);
    } catch (error) {
      if (error instanceof BeyondSafe) {
        return decodeChunk(bytes, column, chunk, rows, 'i64');
      }
      throw error;
    }
  } catch (error) {
    throw asBadData(bad, error);
  }
}

function bytesPerRow(column: FileColumn): number {
  return column.element.type === 'INT64' ? 8 : 4;
}

/** Some writers leave the dictionary's offset out, others write 0: then the first data page follows it. */
function firstPage(chunk: ColumnMetaData): bigint {
  const dictionary = chunk.dictionary_page_offset;
  return dictionary !== undefined && dictionary > 0n && dictionary < chunk.data_page_offset
    ? dictionary
    : chunk.data_page_offset;
}

function decodeChunk(
  bytes: Uint8Array,
  column: FileColumn,
  chunk: ColumnMetaData,
  rows: number,
  physical: Physical,
): Column {
  const unsigned = column.type.kind === 'uint64';
  const sink = createSink(chunk.type, physical, unsigned, allocateValues(physical, rows));
  const pages = new PageReader(bytes, chunk);
  const flags = column.nullable ? new Uint8Array(rows) : null;
  let row = 0;
  while (row < rows) {
    const header = pages.next();
    if (header.type === 'DICTIONARY_PAGE') {
      sink.dictionaryPage(pages.whole(header), countOf(header.dictionary_page_header?.num_values));
    } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
      row += decodeDataPage(pages, header, sink, flags, row, rows);
    } else {
      pages.skip(header);
    }
  }
  const { validity, nullCount } =
    flags === null ? { validity: null, nullCount: 0 } : packValidity(flags, rows);
  const dictionary = sink.dictionary();
  if (column.type.kind === 'utf8' && dictionary !== null && !allUtf8(dictionary)) {
    throw new RangeError('its text is not UTF-8');
  }
  return { type: column.type, physical, length: rows, nullCount, validity, values: sink.values, dictionary };
}

/** All bytes at once, natively; then an entry can only be wrong by beginning within a character. */
function allUtf8({ bytes, offsets, length }: Dictionary): boolean {
  if (!isUtf8(bytes)) {
    return false;
  }
  for (let i = 0; i < length; i++) {
    const from = offsets[i]!;
    if (offsets[i + 1]! > from && (bytes[from]! & 0xc0) === 0x80) {
      return false;
    }
  }
  return true;
}

/** @returns rows of the page */
function decodeDataPage(
  pages: PageReader,
  header: PageHeader,
  sink: ValueSink,
  flags: Uint8Array | null,
  row: number,
  rows: number,
): number {
  const info = header.data_page_header ?? header.data_page_header_v2;
  const count = countOf(info?.num_values);
  if (info === undefined || row + count > rows) {
    throw new RangeError(`its pages hold more than the ${rows} values of its row group`);
  }
  const v2 = header.data_page_header_v2;
  const { page, from } =
    v2 === undefined
      ? levelsV1(pages.whole(header), flags, row, count)
      : levelsV2(pages, header, flags, row, count);
  const present = flags === null ? count : sum(flags, row, row + count);
  sink.dataPage(page, from, info.encoding, row, present);
  if (flags !== null && present < count) {
    spread(sink.values, sink.width, flags, row, count, present);
  }
  return count;
}

/** Version 1: the levels are in the page, length first, compressed with it. */
function levelsV1(page: Uint8Array, flags: Uint8Array | null, row: number, count: number) {
  if (flags === null) {
    return { page, from: 0 };
  }
  if (page.length < 4) {
    throw new RangeError('a page ends before its levels');
  }
  const length = page[0]! | (page[1]! << 8) | (page[2]! << 16) | (page[3]! << 24);
  if (length < 0 || 4 + length > page.length) {
    throw new RangeError('a page ends before its levels');
  }
  decodeHybrid(page, 4, 4 + length, 1, flags, row, count);
  return { page, from: 4 + length };
}

/** Version 2: the levels come before the page proper, never compressed. */
function levelsV2(
  pages: PageReader,
  header: PageHeader,
  flags: Uint8Array | null,
  row: number,
  count: number,
) {
  const v2 = header.data_page_header_v2!;
  const levels = v2.definition_levels_byte_length;
  const { before, page } = pages.split(
    header,
    v2.repetition_levels_byte_length + levels,
    v2.is_compressed !== false,
  );
  if (flags !== null) {
    // Without nulls a writer may leave the levels out.
    if (levels === 0) {
      flags.fill(1, row, row + count);
    } else {
      decodeHybrid(before, v2.repetition_levels_byte_length, before.length, 1, flags, row, count);
    }
  }
  return { page, from: 0 };
}

/** Walks the pages of a chunk inside of its bytes and the budget of decoded bytes. */
class PageReader {
  #bytes: Uint8Array;
  #view: DataView;
  #offset = 0;
  #chunk: ColumnMetaData;
  #budget = limits.parquetDecodedBytes;

  constructor(bytes: Uint8Array, chunk: ColumnMetaData) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#chunk = chunk;
  }

  next(): PageHeader {
    if (this.#offset >= this.#bytes.length) {
      throw new RangeError('its pages end before the last row');
    }
    const reader = { view: this.#view, offset: this.#offset };
    const header = parquetHeader(reader);
    this.#offset = reader.offset;
    const { compressed_page_size: stored, uncompressed_page_size: decoded } = header;
    if (!(stored >= 0) || !(decoded >= 0) || this.#offset + stored > this.#bytes.length) {
      throw new RangeError(
        `a page claims ${stored} bytes where ${this.#bytes.length - this.#offset} are left`,
      );
    }
    this.#budget -= decoded;
    if (this.#budget < 0) {
      throw new RangeError(`its pages exceed ${limits.parquetDecodedBytes} decoded bytes`);
    }
    return header;
  }

  skip(header: PageHeader): void {
    this.#offset += header.compressed_page_size;
  }

  whole(header: PageHeader): Uint8Array {
    return this.split(header, 0, true).page;
  }

  /** The first `before` bytes as they are, the rest decompressed. */
  split(header: PageHeader, before: number, compressed: boolean): { before: Uint8Array; page: Uint8Array } {
    const stored = this.#bytes.subarray(this.#offset, this.#offset + header.compressed_page_size);
    this.#offset += header.compressed_page_size;
    if (!(before >= 0) || before > stored.length) {
      throw new RangeError('a page ends before its levels');
    }
    const body = stored.subarray(before);
    const codec = compressed ? this.#chunk.codec : 'UNCOMPRESSED';
    return {
      before: stored.subarray(0, before),
      page: decompress(codec, body, header.uncompressed_page_size - before),
    };
  }
}

function countOf(count: number | undefined): number {
  if (count === undefined || !(count >= 0)) {
    throw new RangeError(`a page claims ${count} values`);
  }
  return count;
}

function sum(flags: Uint8Array, from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) {
    total += flags[i]!;
  }
  return total;
}

/** Moves the `present` dense values of rows [row, row + count) to the rows whose flag is 1, from the end, in place. */
function spread(
  values: Values,
  width: number,
  flags: Uint8Array,
  row: number,
  count: number,
  present: number,
): void {
  let source = row + present;
  for (let i = row + count - 1; i >= row; i--) {
    if (flags[i] === 0) {
      values[width * i] = 0;
      if (width === 2) {
        values[2 * i + 1] = 0;
      }
      continue;
    }
    source--;
    values[width * i] = values[width * source]!;
    if (width === 2) {
      values[2 * i + 1] = values[2 * source + 1]!;
    }
  }
}
