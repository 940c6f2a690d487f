import { limits } from '../../../core/base/limits.js';
import { packValidity } from '../../column/bitmap.js';
import type { Column, Dictionary, Physical } from '../../column/column.js';
import { hasRange } from '../../column/range.js';
import { distinctColumn } from '../../kernels/distinct-text.js';
import { type Lent, lending } from '../../kernels/lent.js';
import { takeColumn } from '../../kernels/take.js';
import { asBadData, badData } from '../errors.js';
import type { ReadUse } from '../source.js';
import { assemble, type DecodedLeaf } from './assemble.js';
import { isFew, pickEntries } from './codes.js';
import { decodedPhysical, settledDecimals } from './decimals.js';
import { allUtf8, type ChunkBytes, countOf, sinkFor, spread, sum } from './decode-parts.js';
import { decodeHybrid, isOneRun, unpackBigEndian } from './hybrid.js';
import { hasMargins, pageMargin, valuesWithMargins } from './margins.js';
import type { ColumnMetaData, PageHeader } from './metadata.js';
import { PageReader } from './pages.js';
import { isSpread, Picked } from './picked.js';
import type { ByteRange } from './ranges.js';
import { RepeatedDecoder } from './repeated.js';
import type { FileColumn } from './types.js';
import { BeyondSafe, type ValueSink } from './values.js';

/**
 * Where the pages of a chunk lie.
 * @throws BAD_DATA when the footer claims what cannot be
 */
export function chunkRange(
  column: FileColumn,
  chunk: ColumnMetaData,
  rows: number,
  file: string,
  fileBytes: number,
): ByteRange {
  const bad = { file, column: column.path.join('.') };
  const start = firstPage(chunk);
  const length = chunk.total_compressed_size;
  if (!(start >= 4) || !(length >= 0) || start + length > fileBytes) {
    throw badData(bad, `its pages claim bytes ${start} to ${start + length} of a file of ${fileBytes}`);
  }
  if (chunk.type !== column.element.type) {
    throw badData(bad, `its pages hold ${chunk.type}, its schema says ${column.element.type}`);
  }
  // A list has a level for each of its items.
  const values = chunk.num_values;
  if (column.lists.length === 0 ? values !== rows : !(values >= rows)) {
    throw badData(bad, `it claims ${chunk.num_values} values in a row group of ${rows} rows`);
  }
  // Nulls pack into next to no bytes, so only the budget bounds what a row count may allocate.
  if (values * bytesPerRow(column) > limits.parquetDecodedBytes) {
    throw badData(bad, `a row group of ${values} values exceeds ${limits.parquetDecodedBytes} decoded bytes`);
  }
  return { start, length };
}

function bytesPerRow(column: FileColumn): number {
  return column.element.type === 'INT64' ? 8 : 4;
}

/** Some writers leave the dictionary's offset out, others write 0: then the first data page follows it. */
export function firstPage(chunk: ColumnMetaData): number {
  const dictionary = chunk.dictionary_page_offset;
  return dictionary !== undefined && dictionary > 0 && dictionary < chunk.data_page_offset
    ? dictionary
    : chunk.data_page_offset;
}

/** More than their share of a page's bytes, that its first rows are likely to need. */
const likelyShare = 1.05;
const likelyBytes = 1024;

/** Share of the rows from which those picked are taken by kernels, of pages that are decoded where that has to be. */
const manyShare = 1 / 128;

/** Of a text that is no code of a dictionary: its length. */
export const leastTextBytes = 4;

/** The chunks of a column that has pages of its own. */
type ChunksOf = (leaf: FileColumn) => readonly ChunkBytes[];

/**
 * Decodes one column of consecutive row groups: all rows, or those `picked`, ascending numbers within all of them. `texts`: what
 * the dictionary begins with.
 * @throws BAD_DATA whatever the bytes are: sizes and codes are checked before they are used
 */
export function decodeColumn(
  column: FileColumn,
  chunksOf: ChunksOf,
  file: string,
  use: ReadUse,
  picked: Int32Array | null = null,
  texts: Dictionary | null = null,
): Column {
  try {
    if (column.leaf >= 0) {
      const chunks = chunksOf(column);
      const many = picked !== null && areMany(column, chunks, picked);
      return widening(column, physical =>
        settledDecimals(new ColumnDecoder(column, physical, chunks, use, picked, many, texts).decode()),
      );
    }
    const whole = assemble(column, leaf => decodeLeaf(leaf, chunksOf(leaf), use));
    return picked === null ? whole : takeColumn(whole, picked, picked.length);
  } catch (error) {
    throw asBadData({ file, column: column.name }, error);
  }
}

/** Whether kernels take those picked of whole pages: they are many, and in every page. Not of texts one by one. */
function areMany(column: FileColumn, chunks: readonly ChunkBytes[], picked: Int32Array): boolean {
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const coded = ({ chunk }: ChunkBytes) => chunk.total_uncompressed_size < leastTextBytes * chunk.num_values;
  const text = column.element.type === 'BYTE_ARRAY' || column.element.type === 'FIXED_LEN_BYTE_ARRAY';
  return picked.length > rows * manyShare && isSpread(picked, rows) && (!text || chunks.every(coded));
}

function decodeLeaf(column: FileColumn, chunks: readonly ChunkBytes[], use: ReadUse): DecodedLeaf {
  return widening(column, physical => {
    if (column.lists.length > 0) return new RepeatedDecoder(column, physical, chunks, use).decode();
    const decoder = new ColumnDecoder(column, physical, chunks, use, null, false);
    const decoded = settledDecimals(decoder.decode());
    return {
      column: decoded,
      levels: { length: decoded.length, definition: decoder.levels, repetition: null },
    };
  });
}

/** In the form that its type has mostly; when a value is beyond it, again in the wider one. */
function widening<T>(column: FileColumn, decode: (physical: Physical) => T): T {
  try {
    return decode(decodedPhysical(column.element, column.type, false));
  } catch (error) {
    if (!(error instanceof BeyondSafe)) throw error;
    return decode(decodedPhysical(column.element, column.type, true));
  }
}

class ColumnDecoder {
  readonly #column: FileColumn;
  readonly #chunks: readonly ChunkBytes[];
  readonly #physical: Physical;
  readonly #rows: number;
  readonly #sink: ValueSink;
  readonly #picked: Picked | null;
  readonly #many: boolean;
  /** A byte a row, 1 = valid, from the first null on. */
  #flags: Uint8Array | null = null;
  /** A level a row, where there are more than two. */
  #levelOf: Uint8Array | null = null;
  /** Bits of a level. */
  readonly #levelBits: number;
  #row = 0;

  constructor(
    column: FileColumn,
    physical: Physical,
    chunks: readonly ChunkBytes[],
    use: ReadUse,
    picked: Int32Array | null,
    many: boolean,
    texts: Dictionary | null = null,
  ) {
    this.#column = column;
    this.#levelBits = 32 - Math.clz32(column.level);
    this.#chunks = chunks;
    this.#physical = physical;
    this.#rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
    this.#many = many;
    this.#picked = picked === null ? null : new Picked(picked, physical, many ? use.lent : null);
    const values = valuesWithMargins(physical, this.#rows, use.lent);
    this.#sink = sinkFor(
      column.element,
      column.type,
      physical,
      values,
      chunks,
      use,
      picked !== null && !many,
    );
    if (texts !== null) this.#sink.startWith?.(texts);
  }

  /** Of all rows, when those are decoded. Null: every level is the column's. */
  get levels(): Uint8Array | null {
    return this.#levelOf ?? this.#flags;
  }

  decode(): Column {
    for (const chunk of this.#chunks) {
      // Pages are needed until they are decoded: the memory of one chunk serves the next.
      lending(lent => this.#decodeChunk(chunk, lent));
    }
    const { type } = this.#column;
    const physical = this.#physical;
    const picked = this.#picked;
    const length = picked?.rows.length ?? this.#rows;
    const values = picked?.values ?? this.#sink.values;
    const flags = picked === null || this.#flags === null ? this.#flags : picked.flags;
    const { validity, nullCount } =
      flags === null ? { validity: null, nullCount: 0 } : packValidity(flags, length);
    const dictionary = this.#sink.dictionary();
    const decoded = { type, physical, length, nullCount, validity, values, dictionary };
    const column = picked === null || this.#many || dictionary === null ? decoded : distinctColumn(decoded);
    if (type.kind === 'utf8' && !allUtf8(column.dictionary!)) {
      throw new RangeError('its text is not UTF-8');
    }
    const known = hasRange(column) ? this.#sink.range() : undefined;
    if (known === undefined) return column;
    // Null slots hold 0.
    const range = nullCount === 0 ? known : { min: Math.min(known.min, 0), max: Math.max(known.max, 0) };
    return { ...column, range };
  }

  #decodeChunk({ chunk, bytes, rows, groupRows }: ChunkBytes, lent: Lent): void {
    const sink = this.#sink;
    sink.begin(lent);
    const start = this.#row;
    if (this.#picked?.none(start, start + rows)) {
      this.#row += rows;
      return;
    }
    const pages = new PageReader(bytes, chunk, lent);
    while (this.#row < start + rows) {
      const header = pages.next();
      if (header.type === 'DICTIONARY_PAGE') {
        sink.dictionaryPage(pages.whole(header), countOf(header.dictionary_page_header?.num_values));
      } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
        this.#decodePage(pages, header, start + rows - this.#row, groupRows - (this.#row - start));
      } else {
        pages.skip(header);
      }
    }
  }

  /** `wanted` rows of it at most; `left`: rows of the row group that no page has held yet. */
  #decodePage(pages: PageReader, header: PageHeader, wanted: number, left: number): void {
    const info = header.data_page_header ?? header.data_page_header_v2;
    const held = countOf(info?.num_values);
    if (info === undefined || held > left) {
      throw new RangeError(`its pages hold more than the ${left} values that are left of its row group`);
    }
    const count = Math.min(held, wanted);
    const row = this.#row;
    this.#row += count;
    if (this.#picked?.none(row, row + count)) {
      pages.skip(header);
      return;
    }
    const { values, width } = this.#sink;
    const picked = this.#picked?.before(row + count);
    if (picked !== undefined && !this.#many && this.#pickEarly(pages, header, row, count, held, picked))
      return;
    if (picked === undefined && count === held && this.#unpackThere(pages, header, row, count)) return;
    const { page, from, present } =
      header.data_page_header_v2 === undefined
        ? this.#levelsV1(header, pages.whole(header), row, count, held)
        : this.#levelsV2(pages, header, row, count);
    const whole = picked !== undefined && present === count;
    if (whole && this.#many) {
      const { values: out, next } = this.#picked!;
      const entries = this.#sink.entriesOf(info.encoding);
      if (entries !== null && pickEntries(page, from, entries, row, count, picked, out, next)) {
        this.#picked!.taken(picked.length);
        return;
      }
    }
    const few = whole && !this.#many && this.#sink.pick(page, from, info.encoding, row, count, picked);
    if (!few) this.#sink.dataPage(page, from, info.encoding, row, present);
    if (present < count) spread(values, width, this.#flags!, row, count, present);
    this.#picked?.take(values, this.#flags, row, row + count);
  }

  /**
   * Of a page of version 1 without nulls, only as much is unpacked as its first rows are likely to need. False: it is to be
   * read as a whole.
   */
  #pickEarly(
    pages: PageReader,
    header: PageHeader,
    row: number,
    count: number,
    held: number,
    picked: Int32Array,
  ): boolean {
    const { data_page_header: info, uncompressed_page_size: size } = header;
    if (info === undefined || info.encoding !== 'PLAIN' || this.#physical === 'bool') return false;
    if (this.#physical !== 'code' && !isFew(picked, count)) return false;
    const share = (picked.at(-1)! + 1 - row) / held;
    const enough = Math.ceil(size * share * likelyShare) + likelyBytes;
    if (enough >= size) return false;
    const start = pages.whole(header, enough);
    try {
      const { page, from, present } = this.#levelsV1(header, start, row, count, held);
      if (present === count && this.#sink.pick(page, from, info.encoding, row, count, picked)) {
        this.#picked!.take(this.#sink.values, this.#flags, row, row + count);
        return true;
      }
    } catch (error) {
      // The rows may lie behind what was unpacked: then all of the page tells.
      if (!(error instanceof RangeError)) throw error;
    }
    pages.back(header);
    return false;
  }

  /**
   * A page of version 1 without nulls whose values are stored as they are is unpacked so that they lie where they belong: its levels
   * lie over the end of the row before, for as long as they are looked at. False: nothing was done.
   */
  #unpackThere(pages: PageReader, header: PageHeader, row: number, count: number): boolean {
    const { data_page_header: info, uncompressed_page_size: size } = header;
    const { values } = this.#sink;
    const bytes = info === undefined ? 0 : this.#sink.bytesAsStored(info.encoding);
    const before = size - count * bytes;
    if (bytes === 0 || before < 0 || before > pageMargin || !hasMargins(values)) return false;
    if (!pages.unpacksInto(values)) return false;
    const place = new Uint8Array(
      values.buffer,
      values.byteOffset + row * bytes - before,
      size + pageMargin - before,
    );
    const covered = place.slice(0, before);
    const page = pages.wholeAt(header, place);
    const there = page.buffer === place.buffer && page.byteOffset === place.byteOffset;
    const { from, present } = this.#levelsV1(header, page, row, count, count);
    if (there) place.set(covered);
    if (there && from === before && present === count) {
      this.#sink.stored();
      return true;
    }
    pages.back(header);
    return false;
  }

  /** Version 1: the levels are in the page, length first, compressed with it. */
  #levelsV1(header: PageHeader, page: Uint8Array, row: number, count: number, held: number) {
    if (this.#levelBits === 0) return { page, from: 0, present: count };
    if (header.data_page_header!.definition_level_encoding === 'BIT_PACKED') {
      const from = (held * this.#levelBits + 7) >> 3;
      unpackBigEndian(page, 0, this.#levelBits, this.#levelsFrom(row), row, count);
      return { page, from, present: this.#present(row, count) };
    }
    if (page.length < 4) throw new RangeError('a page ends before its levels');
    const length = page[0]! | (page[1]! << 8) | (page[2]! << 16) | (page[3]! << 24);
    if (length < 0 || 4 + length > page.length) throw new RangeError('a page ends before its levels');
    return { page, from: 4 + length, present: this.#levels(page, 4, 4 + length, row, count) };
  }

  /** Version 2: the levels come before the page proper, never compressed. */
  #levelsV2(pages: PageReader, header: PageHeader, row: number, count: number) {
    const v2 = header.data_page_header_v2!;
    const levels = v2.definition_levels_byte_length;
    const repetition = v2.repetition_levels_byte_length;
    const { before, page } = pages.split(header, repetition + levels, v2.is_compressed !== false);
    // Without nulls a writer may leave the levels out.
    const there = this.#levelBits > 0 && levels > 0;
    const present = there ? this.#levels(before, repetition, before.length, row, count) : count;
    if (!there) this.#allPresent(row, count);
    return { page, from: 0, present };
  }

  /** @returns values that are not null */
  #levels(bytes: Uint8Array, from: number, to: number, row: number, count: number): number {
    if (isOneRun(bytes, from, to, this.#levelBits, this.#column.level, count)) {
      this.#allPresent(row, count);
      return count;
    }
    decodeHybrid(bytes, from, to, this.#levelBits, this.#levelsFrom(row), row, count);
    return this.#present(row, count);
  }

  #allPresent(row: number, count: number): void {
    this.#flags?.fill(1, row, row + count);
    this.#levelOf?.fill(this.#column.level, row, row + count);
  }

  /** Where levels go: with two of them, they are the flags. */
  #levelsFrom(row: number): Uint8Array {
    const { level } = this.#column;
    this.#flags ??= new Uint8Array(this.#rows).fill(1, 0, row);
    if (level === 1) return this.#flags;
    this.#levelOf ??= new Uint8Array(this.#rows).fill(level, 0, row);
    return this.#levelOf;
  }

  /** Values that are there, from their levels. */
  #present(row: number, count: number): number {
    const flags = this.#flags!;
    const levels = this.#levelOf;
    if (levels !== null) {
      const { level } = this.#column;
      for (let i = row; i < row + count; i++) {
        if (levels[i]! > level) throw new RangeError(`a definition level above ${level}`);
        flags[i] = levels[i] === level ? 1 : 0;
      }
    }
    return sum(flags, row, row + count);
  }
}
