import type { Column, Physical, Values } from '../../column/column.js';
import { allocateValues } from '../../column/layout.js';
import { hasRange } from '../../column/range.js';
import { type Lent, lending } from '../../kernels/lent.js';
import { lookedUpColumn } from '../../kernels/looked-up.js';
import { fewBytes } from '../../kernels/scratch.js';
import type { ReadUse } from '../source.js';
import { isCoded } from './codes.js';
import { decodedPhysical } from './decimals.js';
import { allUtf8, type ChunkBytes, countOf, sinkFor } from './decode-parts.js';
import { valuesWithoutNulls } from './hybrid.js';
import { unpackCodes, widestCode } from './look-up-wasm.js';
import type { ColumnMetaData, PageHeader } from './metadata.js';
import { PageReader } from './pages.js';
import type { FileColumn } from './types.js';
import type { ValueSink } from './values.js';

/** Fewer rows are decoded as they are. */
const fewRows = 4096;
/** Rows to an entry of all dictionaries at least: a table that leaves the caches is better looked up once. */
const rowsPerEntry = 8;

/** First chunks of columns that could not be left as codes. As long as a footer is remembered it is not tried again. */
const others = new WeakSet<ColumnMetaData>();

/**
 * The column as the codes of its pages, two bytes each, and one table of what they stand for. Only where all pages are coded and hold
 * no nulls; null: it is to be decoded. Whatever is wrong with the pages is told then.
 */
export function lookUpRows(column: FileColumn, chunks: readonly ChunkBytes[], use: ReadUse): Column | null {
  const { element, type } = column;
  const physical = decodedPhysical(element, type, false);
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const first = chunks[0]?.chunk;
  const other = column.lists.length > 0 || type.kind === 'decimal' || physical === 'bool';
  if (first === undefined || other || rows < fewRows || others.has(first)) return null;
  try {
    const found = new LookUp(column, physical, rows, chunks, use).decode(chunks);
    if (found !== null) return found;
  } catch {
    // Told by who decodes it.
  }
  others.add(first);
  return null;
}

class LookUp {
  readonly #column: FileColumn;
  readonly #physical: Physical;
  readonly #rows: number;
  readonly #lent: Lent;
  readonly #sink: ValueSink;
  readonly #codes: Uint16Array;
  /** Entries of all dictionaries so far. */
  readonly #tables: Values[] = [];
  #entries = 0;
  /** Where those of this chunk begin, and how many they are; -1: there are none yet. */
  #base = 0;
  #count = -1;
  #row = 0;

  constructor(
    column: FileColumn,
    physical: Physical,
    rows: number,
    chunks: readonly ChunkBytes[],
    use: ReadUse,
  ) {
    this.#column = column;
    this.#physical = physical;
    this.#rows = rows;
    this.#lent = use.lent;
    const { buffer, byteOffset } = use.lent.bytes(Math.max(fewBytes, 2 * rows));
    this.#codes = new Uint16Array(buffer, byteOffset, rows);
    const { element, type } = column;
    this.#sink = sinkFor(element, type, physical, allocateValues(physical, 0), chunks, use);
  }

  decode(chunks: readonly ChunkBytes[]): Column | null {
    for (const chunk of chunks) if (!lending(lent => this.#chunk(chunk, lent))) return null;
    const { type } = this.#column;
    const physical = this.#physical;
    const dictionary = this.#sink.dictionary();
    if (type.kind === 'utf8' && !allUtf8(dictionary!)) return null;
    const plain = { type, physical, length: this.#rows, nullCount: 0, validity: null, dictionary };
    const range = hasRange(plain) ? this.#sink.range() : undefined;
    const looked = { codes: this.#codes, table: this.#table() };
    return lookedUpColumn(range === undefined ? plain : { ...plain, range }, looked, this.#lent);
  }

  #table(): Values {
    const table = allocateValues(this.#physical, this.#entries);
    let at = 0;
    for (const entries of this.#tables) {
      table.set(entries as never, at);
      at += entries.length;
    }
    return table;
  }

  /** False: not in this way. */
  #chunk({ chunk, bytes, rows, groupRows }: ChunkBytes, lent: Lent): boolean {
    this.#sink.begin(lent);
    this.#count = -1;
    const pages = new PageReader(bytes, chunk, lent);
    for (const start = this.#row; this.#row < start + rows; ) {
      const header = pages.next();
      if (header.type === 'DICTIONARY_PAGE') {
        if (!this.#dictionary(pages, header)) return false;
      } else if (header.type === 'DATA_PAGE') {
        const left = start + groupRows - this.#row;
        if (!this.#page(pages, header, start + rows - this.#row, left)) return false;
      } else if (header.type === 'DATA_PAGE_V2') return false;
      else pages.skip(header);
    }
    return true;
  }

  #dictionary(pages: PageReader, header: PageHeader): boolean {
    const count = countOf(header.dictionary_page_header?.num_values);
    this.#base = this.#entries;
    this.#entries += count;
    if (this.#entries > Math.min(2 ** widestCode, this.#rows / rowsPerEntry)) return false;
    this.#sink.dictionaryPage(pages.whole(header), count);
    const entries = this.#sink.entriesOf('RLE_DICTIONARY');
    if (entries === null) return false;
    this.#tables.push(entries.values.slice(0, count));
    this.#count = count;
    return true;
  }

  /** `wanted` rows of it at most; `left`: rows of the row group that no page has held yet. */
  #page(pages: PageReader, header: PageHeader, wanted: number, left: number): boolean {
    const info = header.data_page_header;
    const held = countOf(info?.num_values);
    if (info === undefined || this.#count < 0 || !isCoded(info.encoding) || held > left) return false;
    const page = pages.whole(header);
    const from = valuesWithoutNulls(page, this.#column.level, info.definition_level_encoding, held);
    if (from < 0 || from >= page.length) return false;
    const count = Math.min(held, wanted);
    const at = this.#row;
    this.#row += count;
    return unpackCodes(page, from + 1, page[from]!, this.#count, this.#base, this.#codes, at, count);
  }
}
