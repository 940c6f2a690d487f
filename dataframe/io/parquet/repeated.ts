import { packValidity } from '../../column/bitmap.js';
import type { Physical, Values } from '../../column/column.js';
import { type Lent, lending } from '../../kernels/lent.js';
import { sliceColumn } from '../../kernels/take.js';
import type { ReadUse } from '../source.js';
import type { DecodedLeaf } from './assemble.js';
import { viewOf } from './bytes.js';
import { settledDecimals } from './decimals.js';
import { allUtf8, type ChunkBytes, countOf, sinkFor, spread } from './decode-parts.js';
import { decodeHybrid, unpackBigEndian } from './hybrid.js';
import type { PageHeader } from './metadata.js';
import { PageReader } from './pages.js';
import type { FileColumn } from './types.js';
import type { ValueSink } from './values.js';

/** Decodes the values of a leaf that is in lists, over consecutive row groups, with their levels: of the rows that are wanted. */
export class RepeatedDecoder {
  readonly #column: FileColumn;
  readonly #physical: Physical;
  readonly #chunks: readonly ChunkBytes[];
  readonly #sink: ValueSink;
  readonly #definition: Uint8Array;
  readonly #repetition: Uint8Array;
  /** 1 = valid, of values. */
  readonly #flags: Uint8Array;
  /** How many there are so far. */
  #rows = 0;
  #entries = 0;
  #values = 0;
  /** The definition level of the entry before. */
  #before = -1;

  constructor(column: FileColumn, physical: Physical, chunks: readonly ChunkBytes[], use: ReadUse) {
    this.#column = column;
    this.#physical = physical;
    this.#chunks = chunks;
    const entries = chunks.reduce((sum, { chunk }) => sum + chunk.num_values, 0);
    this.#definition = new Uint8Array(entries);
    this.#repetition = new Uint8Array(entries);
    this.#flags = new Uint8Array(entries);
    const values = use.lent.values(physical, entries, false);
    this.#sink = sinkFor(column.element, column.type, physical, values, chunks, use);
  }

  decode(): DecodedLeaf {
    for (const chunk of this.#chunks) lending(lent => this.#decodeChunk(chunk, lent));
    const { type } = this.#column;
    const length = this.#values;
    const dictionary = this.#sink.dictionary();
    if (type.kind === 'utf8' && dictionary !== null && !allUtf8(dictionary)) {
      throw new RangeError('its text is not UTF-8');
    }
    const column = settledDecimals({
      type,
      physical: this.#physical,
      length,
      ...packValidity(this.#flags, length),
      values: this.#sink.values.subarray(0, length * this.#sink.width) as Values,
      dictionary,
    });
    const whole = { length: this.#entries, definition: this.#definition, repetition: this.#repetition };
    const wanted = this.#chunks.reduce((sum, { rows }) => sum + rows, 0);
    return wanted < this.#rows ? this.#first(wanted, column) : { column, levels: whole };
  }

  /** What makes up the first rows. */
  #first(rows: number, column: DecodedLeaf['column']): DecodedLeaf {
    const there = this.#column.lists.at(-1)!;
    let entries = 0;
    let values = 0;
    for (let row = 0; entries < this.#entries; entries++) {
      if (this.#repetition[entries] === 0 && row++ === rows) break;
      if (this.#definition[entries]! >= there) values++;
    }
    const definition = this.#definition.subarray(0, entries);
    const repetition = this.#repetition.subarray(0, entries);
    return { column: sliceColumn(column, 0, values), levels: { length: entries, definition, repetition } };
  }

  #decodeChunk({ chunk, bytes, groupRows }: ChunkBytes, lent: Lent): void {
    const pages = new PageReader(bytes, chunk, lent);
    const sink = this.#sink;
    sink.begin(lent);
    const end = this.#rows + groupRows;
    this.#before = -1;
    for (let left = chunk.num_values; left > 0; ) {
      const header = pages.next();
      if (header.type === 'DICTIONARY_PAGE') {
        sink.dictionaryPage(pages.whole(header), countOf(header.dictionary_page_header?.num_values));
      } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
        left -= this.#decodePage(pages, header, left, end);
      } else {
        pages.skip(header);
      }
    }
    if (this.#rows !== end)
      throw new RangeError(`its pages hold ${this.#rows - end + groupRows} of ${groupRows} rows`);
  }

  #decodePage(pages: PageReader, header: PageHeader, left: number, endRow: number): number {
    const info = header.data_page_header ?? header.data_page_header_v2;
    const count = countOf(info?.num_values);
    if (info === undefined || count > left) {
      throw new RangeError(`its pages hold more than the ${left} values that are left of its row group`);
    }
    const { page, from } =
      header.data_page_header_v2 === undefined
        ? this.#levelsV1(header, pages.whole(header), count)
        : this.#levelsV2(pages, header, count);
    const first = this.#values;
    const present = this.#count(count, endRow);
    this.#sink.dataPage(page, from, info.encoding, first, present);
    const values = this.#values - first;
    if (present < values) spread(this.#sink.values, this.#sink.width, this.#flags, first, values, present);
    return count;
  }

  /** Checks the levels of the next entries. @returns values that are not null */
  #count(count: number, endRow: number): number {
    const { level, lists } = this.#column;
    const there = lists.at(-1)!;
    const flags = this.#flags;
    const definition = this.#definition;
    const repetition = this.#repetition;
    let rows = this.#rows;
    let values = this.#values;
    let before = this.#before;
    let present = 0;
    const end = this.#entries + count;
    for (let e = this.#entries; e < end; e++) {
      const defined = definition[e]!;
      const repeated = repetition[e]!;
      if (defined > level) throw new RangeError(`a level of ${defined} where ${level} is the highest`);
      if (repeated === 0) {
        if (rows++ === endRow) throw new RangeError('its pages hold more rows than its row group');
      } else {
        // Only a list that had an item can have another. Levels that there are not are undefined: false, too.
        const filled = lists[repeated - 1]!;
        if (!(defined >= filled && before >= filled)) throw new RangeError('an item of no list');
      }
      before = defined;
      if (defined < there) continue;
      const valid = defined === level ? 1 : 0;
      flags[values++] = valid;
      present += valid;
    }
    this.#entries = end;
    this.#rows = rows;
    this.#values = values;
    this.#before = before;
    return present;
  }

  #levelsV1(header: PageHeader, page: Uint8Array, count: number) {
    const { repetition_level_encoding, definition_level_encoding } = header.data_page_header!;
    const { level, lists } = this.#column;
    const at = this.#entries;
    const after = levelsOf(page, 0, repetition_level_encoding, lists.length, this.#repetition, at, count);
    const from = levelsOf(page, after, definition_level_encoding, level, this.#definition, at, count);
    return { page, from };
  }

  #levelsV2(pages: PageReader, header: PageHeader, count: number) {
    const v2 = header.data_page_header_v2!;
    const { level, lists } = this.#column;
    const first = v2.repetition_levels_byte_length;
    const levelBytes = first + v2.definition_levels_byte_length;
    const { before, page } = pages.split(header, levelBytes, v2.is_compressed !== false);
    decodeHybrid(before, 0, first, bitsOf(lists.length), this.#repetition, this.#entries, count);
    decodeHybrid(before, first, before.length, bitsOf(level), this.#definition, this.#entries, count);
    return { page, from: 0 };
  }
}

const bitsOf = (highest: number) => 32 - Math.clz32(highest);

/** Levels of a page of version 1, up to `highest`, to out[at...]. @returns where what comes after them begins */
function levelsOf(
  page: Uint8Array,
  from: number,
  encoding: string,
  highest: number,
  out: Uint8Array,
  at: number,
  count: number,
): number {
  const width = bitsOf(highest);
  if (encoding === 'BIT_PACKED') {
    unpackBigEndian(page, from, width, out, at, count);
    return from + Math.ceil((count * width) / 8);
  }
  const length = from + 4 > page.length ? -1 : viewOf(page).getInt32(from, true);
  const end = from + 4 + length;
  if (length < 0 || end > page.length) throw new RangeError('a page ends before its levels');
  decodeHybrid(page, from + 4, end, width, out, at, count);
  return end;
}
