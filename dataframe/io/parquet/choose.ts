import type { Column, Physical, Values } from '../../column/column.js';
import { bytesOfValues, viewValues } from '../../column/layout.js';
import { hasRange } from '../../column/range.js';
import { type Lent, lending } from '../../kernels/lent.js';
import { fewBytes } from '../../kernels/scratch.js';
import type { ReadUse } from '../source.js';
import { chooseInWasm, chosenBits, type Entries, pairBytes } from './choose-wasm.js';
import { isCoded } from './codes.js';
import { decodedPhysical } from './decimals.js';
import { type ChunkBytes, countOf } from './decode-parts.js';
import { valuesWithoutNulls } from './hybrid.js';
import type { PageHeader } from './metadata.js';
import { PageReader } from './pages.js';
import type { FileColumn } from './types.js';
import { NumberSink } from './values.js';

/** Rows for which a condition on one column is true, ascending, and the column at these. */
export interface Chosen {
  readonly rows: Int32Array;
  readonly column: Column;
}

/** Which entries of a dictionary the condition is true for, 1 each; null: that is not known, or it is true for all. */
export type Passing = (entries: Column) => Uint8Array | null;

/** Fewer rows are decoded as they are. */
const fewRows = 2048;
/** More than its share of the rows that one page may have: then the others probably have as many. */
const pageShare = 2;

/**
 * Looks at the codes of a column of numbers, instead of at its values: the condition is asked once for each entry of a dictionary. Only where
 * all pages are coded and hold no nulls, and where no more than `most` rows are chosen; null: it is to be decoded. Whatever is wrong with the pages is told then.
 */
export function chooseRows(
  column: FileColumn,
  chunks: readonly ChunkBytes[],
  use: ReadUse,
  most: number,
  passing: Passing,
): Chosen | null {
  const physical = decodedPhysical(column.element, column.type, false);
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const whole = chunks.every(({ rows, groupRows }) => rows === groupRows);
  if (column.lists.length > 0 || physical === 'code' || !whole || rows < fewRows) return null;
  try {
    return new Chooser(column, physical, rows, use.lent, most, passing).choose(chunks);
  } catch {
    return null;
  }
}

class Chooser {
  readonly #column: FileColumn;
  readonly #physical: Physical;
  readonly #most: number;
  readonly #total: number;
  readonly #passing: Passing;
  readonly #rows: Int32Array;
  readonly #values: Values;
  readonly #sink: NumberSink;
  #entries: Entries | null = null;
  #row = 0;
  #chosen = 0;

  constructor(
    column: FileColumn,
    physical: Physical,
    rows: number,
    lent: Lent,
    most: number,
    passing: Passing,
  ) {
    this.#column = column;
    this.#physical = physical;
    this.#most = most;
    this.#total = rows;
    this.#passing = passing;
    const values = lent.bytes(Math.max(fewBytes, bytesOfValues(physical, most)));
    this.#values = viewValues(physical, values.buffer, values.byteOffset, most);
    const places = lent.bytes(Math.max(fewBytes, 4 * most));
    this.#rows = new Int32Array(places.buffer, places.byteOffset, most);
    const { element, type } = column;
    this.#sink = new NumberSink(element.type!, physical, type.kind === 'uint64', this.#values);
  }

  choose(chunks: readonly ChunkBytes[]): Chosen | null {
    for (const chunk of chunks) if (!lending(lent => this.#chunk(chunk, lent))) return null;
    const length = this.#chosen;
    const values = this.#values.subarray(0, length);
    const { type } = this.#column;
    const plain = { type, physical: this.#physical, length, nullCount: 0, validity: null, values };
    const column = { ...plain, dictionary: null };
    const range = hasRange(column) ? this.#sink.range() : undefined;
    return {
      rows: this.#rows.subarray(0, length),
      column: range === undefined ? column : { ...column, range },
    };
  }

  /** False: not in this way. */
  #chunk({ chunk, bytes, rows }: ChunkBytes, lent: Lent): boolean {
    this.#sink.begin(lent);
    this.#entries = null;
    const pages = new PageReader(bytes, chunk, lent);
    for (const end = this.#row + rows; this.#row < end; ) {
      const header = pages.next();
      const { dictionary_page_header: dictionary } = header;
      if (header.type === 'DICTIONARY_PAGE') {
        if (!this.#dictionary(pages.whole(header), countOf(dictionary?.num_values))) return false;
      } else if (header.type === 'DATA_PAGE') {
        if (!this.#page(pages, header, end - this.#row, lent)) return false;
      } else if (header.type === 'DATA_PAGE_V2') return false;
      else pages.skip(header);
    }
    return true;
  }

  #dictionary(page: Uint8Array, count: number): boolean {
    if (count === 0 || count > 2 ** chosenBits) return false;
    this.#sink.dictionaryPage(page, count);
    const entries = this.#sink.entriesOf('RLE_DICTIONARY');
    if (entries === null) return false;
    const passes = this.#passing({
      type: this.#column.type,
      physical: this.#physical,
      length: count,
      nullCount: 0,
      validity: null,
      values: entries.values.subarray(0, count),
      dictionary: null,
    });
    if (passes === null) return false;
    this.#entries = { ...entries, passes: passes.map(one => one * pairBytes) };
    return true;
  }

  #page(pages: PageReader, header: PageHeader, left: number, lent: Lent): boolean {
    const info = header.data_page_header;
    const entries = this.#entries;
    const count = countOf(info?.num_values);
    if (info === undefined || entries === null || !isCoded(info.encoding) || count > left) return false;
    const page = pages.whole(header);
    const from = valuesWithoutNulls(page, this.#column.level, info.definition_level_encoding, count);
    if (from < 0 || from >= page.length) return false;
    const pairs = lent.bytes(Math.max(fewBytes, (count + 1) * pairBytes));
    const share = Math.ceil((pageShare * this.#most * count) / this.#total);
    const coded = { bytes: page, from: from + 1, width: page[from]!, first: this.#row, count };
    const place = {
      rows: this.#rows,
      values: this.#values,
      at: this.#chosen,
      most: Math.min(share, this.#most - this.#chosen),
    };
    const found = chooseInWasm(coded, entries, pairs, place);
    this.#row += count;
    this.#chosen += found ?? 0;
    return found !== null;
  }
}
