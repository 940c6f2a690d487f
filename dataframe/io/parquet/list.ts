import { packValidity } from '../../column/bitmap.js';
import type { Column, Physical, Values } from '../../column/column.js';
import { Lent } from '../../kernels/lent.js';
import { sliceColumn, takeColumn } from '../../kernels/take.js';
import type { ReadUse } from '../source.js';
import { viewOf } from './bytes.js';
import { decodedPhysical, settledDecimals } from './decimals.js';
import { allUtf8, type ChunkBytes, countOf, sinkFor, spread } from './decode-parts.js';
import { decodeHybrid, unpackBigEndian } from './hybrid.js';
import type { PageHeader } from './metadata.js';
import { PageReader } from './pages.js';
import type { FileColumn, FileList } from './types.js';
import type { ValueSink } from './values.js';

/** Decodes a column of lists of flat values over consecutive row groups. `wide`: the items as 'i64'. */
export function decodeList(
  column: FileColumn,
  list: FileList,
  wide: boolean,
  chunks: readonly ChunkBytes[],
  use: ReadUse,
  picked: Int32Array | null,
): Column {
  const physical = decodedPhysical(column.element, list.item, wide);
  const whole = new ListDecoder(column, list, physical, chunks, use).decode();
  const wanted = chunks.reduce((sum, { rows }) => sum + rows, 0);
  const first = wanted < whole.length ? sliceColumn(whole, 0, wanted) : whole;
  return picked === null ? first : takeColumn(first, picked, picked.length);
}

class ListDecoder {
  readonly #column: FileColumn;
  readonly #list: FileList;
  readonly #physical: Physical;
  readonly #chunks: readonly ChunkBytes[];
  readonly #sink: ValueSink;
  readonly #offsets: Int32Array;
  /** 1 = valid, of rows and of items. */
  readonly #flags: Uint8Array;
  readonly #itemFlags: Uint8Array;
  /** The definition level of a list that is empty, and that of an item that is not null. */
  readonly #empty: number;
  readonly #full: number;
  #row = 0;
  #item = 0;
  /** The last list has an item, so that more may follow. */
  #open = false;

  constructor(
    column: FileColumn,
    list: FileList,
    physical: Physical,
    chunks: readonly ChunkBytes[],
    use: ReadUse,
  ) {
    this.#column = column;
    this.#list = list;
    this.#physical = physical;
    this.#chunks = chunks;
    this.#empty = column.nullable ? 1 : 0;
    this.#full = this.#empty + (list.itemNullable ? 2 : 1);
    const rows = chunks.reduce((sum, { groupRows }) => sum + groupRows, 0);
    const items = chunks.reduce((sum, { chunk }) => sum + chunk.num_values, 0);
    this.#offsets = new Int32Array(rows + 1);
    this.#flags = new Uint8Array(rows).fill(1);
    this.#itemFlags = new Uint8Array(items);
    const values = use.lent.values(physical, items, false);
    this.#sink = sinkFor(column.element, list.item, physical, values, chunks, use);
  }

  decode(): Column {
    for (const chunk of this.#chunks) {
      const lent = new Lent();
      try {
        this.#decodeChunk(chunk, lent);
      } finally {
        lent.giveBack();
      }
    }
    const { item } = this.#list;
    const length = this.#item;
    const dictionary = this.#sink.dictionary();
    if (item.kind === 'utf8' && dictionary !== null && !allUtf8(dictionary)) {
      throw new RangeError('its text is not UTF-8');
    }
    const items = settledDecimals({
      type: item,
      physical: this.#physical,
      length,
      ...packValidity(this.#itemFlags, length),
      values: this.#sink.values.subarray(0, length * this.#sink.width) as Values,
      dictionary,
    });
    const rows = this.#row;
    const validity = packValidity(this.#flags, rows);
    return {
      type: this.#column.type,
      physical: 'list',
      length: rows,
      ...validity,
      values: this.#offsets,
      dictionary: null,
      items,
    };
  }

  #decodeChunk({ chunk, bytes, groupRows }: ChunkBytes, lent: Lent): void {
    const pages = new PageReader(bytes, chunk, lent);
    const sink = this.#sink;
    sink.begin(lent);
    const end = this.#row + groupRows;
    this.#open = false;
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
    if (this.#row !== end)
      throw new RangeError(`its pages hold ${this.#row - end + groupRows} of ${groupRows} rows`);
    this.#offsets[end] = this.#item;
  }

  #decodePage(pages: PageReader, header: PageHeader, left: number, endRow: number): number {
    const info = header.data_page_header ?? header.data_page_header_v2;
    const count = countOf(info?.num_values);
    if (info === undefined || count > left) {
      throw new RangeError(`its pages hold more than the ${left} values that are left of its row group`);
    }
    const repetition = new Uint8Array(count);
    const definition = new Uint8Array(count);
    const levels = { repetition, definition };
    const { page, from } =
      header.data_page_header_v2 === undefined
        ? this.#levelsV1(header, pages.whole(header), levels)
        : this.#levelsV2(pages, header, levels);
    const first = this.#item;
    const present = this.#rows(repetition, definition, endRow);
    this.#sink.dataPage(page, from, info.encoding, first, present);
    const items = this.#item - first;
    if (present < items) spread(this.#sink.values, this.#sink.width, this.#itemFlags, first, items, present);
    return count;
  }

  /** Turns levels into offsets and flags. @returns items that are not null */
  #rows(repetition: Uint8Array, definition: Uint8Array, endRow: number): number {
    const empty = this.#empty;
    const full = this.#full;
    let present = 0;
    for (let i = 0; i < repetition.length; i++) {
      const level = definition[i]!;
      if (repetition[i] === 0) {
        if (this.#row === endRow) throw new RangeError('its pages hold more rows than its row group');
        this.#offsets[this.#row] = this.#item;
        if (level < empty) this.#flags[this.#row] = 0;
        this.#row++;
        this.#open = level > empty;
      } else if (!this.#open || level <= empty) throw new RangeError('an item of no list');
      if (level > full) throw new RangeError(`a level of ${level} where ${full} is the highest`);
      if (level <= empty) continue;
      const valid = level === full ? 1 : 0;
      this.#itemFlags[this.#item++] = valid;
      present += valid;
    }
    return present;
  }

  #levelsV1(header: PageHeader, page: Uint8Array, levels: Levels) {
    const { repetition_level_encoding, definition_level_encoding } = header.data_page_header!;
    const after = level(page, 0, repetition_level_encoding, 1, levels.repetition);
    const from = level(page, after, definition_level_encoding, bitsOf(this.#full), levels.definition);
    return { page, from };
  }

  #levelsV2(pages: PageReader, header: PageHeader, { repetition, definition }: Levels) {
    const v2 = header.data_page_header_v2!;
    const first = v2.repetition_levels_byte_length;
    const { before, page } = pages.split(
      header,
      first + v2.definition_levels_byte_length,
      v2.is_compressed !== false,
    );
    decodeHybrid(before, 0, first, 1, repetition, 0, repetition.length);
    decodeHybrid(before, first, before.length, bitsOf(this.#full), definition, 0, definition.length);
    return { page, from: 0 };
  }
}

interface Levels {
  readonly repetition: Uint8Array;
  readonly definition: Uint8Array;
}

const bitsOf = (highest: number) => 32 - Math.clz32(highest);

/** Levels of a page of version 1. @returns where what comes after them begins */
function level(page: Uint8Array, from: number, encoding: string, width: number, out: Uint8Array): number {
  if (encoding === 'BIT_PACKED') {
    unpackBigEndian(page, from, width, out, 0, out.length);
    return from + Math.ceil((out.length * width) / 8);
  }
  const length = from + 4 > page.length ? -1 : viewOf(page).getInt32(from, true);
  const end = from + 4 + length;
  if (length < 0 || end > page.length) throw new RangeError('a page ends before its levels');
  decodeHybrid(page, from + 4, end, width, out, 0, out.length);
  return end;
}
