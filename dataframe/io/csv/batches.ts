import { isUtf8 } from 'node:buffer';
import { limits } from '../../../core/base/limits.js';
import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import type { ReadUse } from '../source.js';
import { batchBytes, batchRows, fewRows, probeRows, textRows } from './constants.js';
import { type Dialect, lineFeed } from './dialect.js';
import type { BadRecord } from './failure.js';
import { Problem } from './fields.js';
import { type RecordLoop, recordLoop } from './loop.js';
import { RecordScanner } from './scanner.js';
import { Scout, type Scouted } from './scout.js';
import { recordsIn } from './splits.js';
import { type ColumnStore, createStore, TextStore } from './stores.js';
import { RecordBlock, Tokenizer } from './tokenize.js';
import type { Window } from './window.js';

/** Where a window stopped: at its end, with a batch full, or at a record that is an error. */
type Stop = 'end' | 'full' | 'bad';

/** Batches of the records of a source. */
export class BatchReader {
  /** Records left out: ignoreErrors. */
  skipped = 0;
  /** Why the last batch is the last. */
  bad: BadRecord | null = null;
  readonly #window: Window;
  readonly #schema: Schema;
  readonly #fields: number;
  readonly #dialect: Dialect;
  readonly #stores: readonly ColumnStore[];
  /** For records that the loop leaves, one at a time. */
  readonly #tokenizer: Tokenizer;
  readonly #block: RecordBlock;
  /** Shared with the loop: rows of the batch at hand, lines skipped. */
  readonly #counts = new Int32Array(2);
  #loop: RecordLoop | null = null;
  /** null: all rows are read whole. */
  #scout: Scout | null;
  /** Rows the stores have room for, and the most they get. */
  #room = 0;
  readonly #mostRows: number;
  /** Until so many rows are seen it is open which texts repeat. */
  #probing: boolean;
  readonly #movesText: boolean;
  /** There is a window with something left in it. */
  #open = false;
  /** Records of the window are looked at one by one: somewhere in it is what no record may hold. */
  #careful = false;

  constructor(
    window: Window,
    file: Schema,
    schema: Schema,
    predicate: ExprNode | null,
    dialect: Dialect,
    use: ReadUse,
  ) {
    this.#scout = Scout.of(file, schema, predicate, dialect);
    this.#window = window;
    this.#schema = schema;
    this.#fields = file.length;
    this.#dialect = dialect;
    this.#tokenizer = new Tokenizer(dialect);
    this.#block = new RecordBlock(file.length, 1);
    this.#stores = schema.map(field => {
      const column = file.findIndex(candidate => candidate.name === field.name);
      return createStore(field, column, dialect, use.lent);
    });
    const most = Math.floor(batchBytes / (8 * Math.max(1, schema.length)));
    this.#mostRows = Math.max(1, Math.min(batchRows, Math.max(fewRows, most), use.rows));
    this.#movesText = use.movesText;
    this.#probing = this.#stores.some(store => store instanceof TextStore);
  }

  /** null: there are no more, or `bad` says why. */
  async next(): Promise<Batch | null> {
    for (;;) {
      if (!this.#open) {
        this.#open = await this.#window.fill();
        if (!this.#open) return this.#rows > 0 ? this.#finish() : null;
        this.#look();
      }
      const stop = this.#drain();
      if (stop === 'full') return this.#finish();
      if (stop === 'bad') return null;
      this.#open = false;
      const { bytes, consumed, final } = this.#window;
      if (!final && bytes.length - consumed > limits.lineBytes && !(await this.#passOverlong())) return null;
    }
  }

  get #rows(): number {
    return this.#counts[0]!;
  }

  /** Whether anything in the window needs care. The text is looked at natively, record by record only where that fails. */
  #look(): void {
    const { bytes, final } = this.#window;
    const text = final ? bytes : bytes.subarray(0, bytes.lastIndexOf(lineFeed) + 1);
    this.#careful = bytes.length > limits.lineBytes || text.includes(0) || !isUtf8(text);
  }

  #drain(): Stop {
    const window = this.#window;
    const { bytes, final } = window;
    const end = this.#careful ? 0 : bytes.lastIndexOf(lineFeed) + 1;
    this.#reserve();
    for (;;) {
      if (this.#rows >= this.#limit && !this.#grow()) return 'full';
      if (window.consumed < end) {
        let to = end;
        if (this.#scout !== null) {
          if (this.#rows > 0 && this.#rows + textRows > this.#mostRows) return 'full';
          const scouted = this.#scout.look(bytes, window.consumed, end);
          if (scouted.picked !== null) {
            if (!this.#readPicked(bytes, scouted, scouted.picked)) return 'bad';
            continue;
          }
          if (!this.#scout.useful) this.#scout = null;
          to = scouted.starts[scouted.rows]!;
        }
        const most = Math.min(this.#limit, this.#rows + textRows);
        this.#readAll(bytes, to, most);
        if (this.#rows >= most) continue;
      }
      const next = this.#tokenizer.fill(bytes, window.consumed, final, this.#block);
      if (next === window.consumed) return 'end';
      if (this.#block.count === 1 && !this.#add(bytes)) return 'bad';
      window.consumed = next;
    }
  }

  /** Records up to `end`, or to one the loop leaves. */
  #readAll(bytes: Buffer, end: number, most: number): void {
    const before = this.#rows;
    this.#loop ??= recordLoop(this.#fields, this.#stores, this.#dialect, this.#counts);
    this.#window.consumed = this.#loop(bytes, this.#window.consumed, end, most);
    this.#tokenizer.records += this.#rows - before + this.#counts[1]!;
    this.#settle(before);
  }

  /** Those of the scouted records that pass the filter. @returns false: one of them is an error */
  #readPicked(bytes: Buffer, { rows, skipped, starts }: Scouted, picked: Int32Array): boolean {
    this.#room = Math.max(this.#room, this.#rows + picked.length);
    this.#reserve();
    const first = this.#tokenizer.records;
    for (const k of picked) {
      const before = this.#rows;
      const [from, to] = [starts[k]!, starts[k + 1]!];
      this.#loop ??= recordLoop(this.#fields, this.#stores, this.#dialect, this.#counts);
      this.#loop(bytes, from, to, before + 1);
      if (this.#rows > before) this.#settle(before);
      else {
        this.#tokenizer.records =
          first + recordsIn(bytes.subarray(this.#window.consumed, from), this.#dialect);
        this.#tokenizer.fill(bytes.subarray(0, to), from, true, this.#block);
        if (!this.#add(bytes)) return false;
      }
    }
    this.#tokenizer.records = first + rows + skipped;
    this.#window.consumed = starts[rows]!;
    return true;
  }

  /** Rows at which something has to be seen to. */
  get #limit(): number {
    return this.#probing ? Math.min(this.#room, probeRows) : this.#room;
  }

  /** @returns false: the batch has all the rows it may have */
  #grow(): boolean {
    if (this.#probing && this.#rows >= probeRows) this.#decide();
    else if (this.#room === this.#mostRows) return false;
    else this.#room = Math.min(this.#mostRows, this.#room === 0 ? this.#expectedRows() : this.#room * 2);
    this.#reserve();
    return true;
  }

  /** From the first lines of the window. */
  #expectedRows(): number {
    if (this.#scout !== null) return textRows;
    const { bytes, size } = this.#window;
    const some = bytes.subarray(0, sampledBytes);
    let lines = 1;
    for (const byte of some) lines += byte === lineFeed ? 1 : 0;
    // A little more, so that the guess is rarely just too small.
    return Math.ceil((lines / Math.max(1, some.length)) * Math.min(size, mostExpectedBytes) * 1.05) + fewRows;
  }

  /** Rows from `from` on count. */
  #settle(from: number): void {
    for (const store of this.#stores) store.settle(from, this.#rows);
  }

  /** What is known of the texts now: those that hardly repeat are not looked at any longer, unless somebody will. */
  #decide(): void {
    this.#probing = false;
    const rows = this.#rows;
    for (const store of this.#stores) {
      if (!(store instanceof TextStore) || store.entries.distinct === null) continue;
      const { length } = store.entries.distinct;
      if (length * 2 < rows) continue;
      if (this.#movesText) store.entries.asTheyCome(rows);
      else store.entries.distinct.expect(Math.min(mostExpectedTexts, (length / rows) * this.#room));
    }
    this.#loop = null;
  }

  /** Room for what is left of the window. */
  #reserve(): void {
    const { bytes, consumed } = this.#window;
    for (const store of this.#stores) {
      if (store.reserve(this.#rows, this.#room, bytes.length - consumed)) this.#loop = null;
    }
  }

  /** Takes the record in the block. @returns false: it is an error */
  #add(bytes: Buffer): boolean {
    const block = this.#block;
    const row = this.#rows;
    let problem = block.problem[0]!;
    if (this.#careful) problem ||= textProblem(bytes.subarray(block.from[0], block.to[0]));
    let store: ColumnStore | null = null;
    if (problem === Problem.None) {
      store = this.#stores.find(each => !setFrom(each, bytes, block, row)) ?? null;
      if (store === null) {
        this.#counts[0] = row + 1;
        this.#settle(row);
        return true;
      }
      problem = Problem.Value;
    }
    const value =
      store === null ? '' : bytes.toString('utf8', block.starts[store.column], block.ends[store.column]);
    return this.#leaveOut({
      problem,
      ordinal: block.ordinal[0]!,
      text: bytes.toString('utf8', block.from[0], block.to[0]).replace(/\r$/, ''),
      found: block.found[0]!,
      field: store?.field ?? null,
      value,
    });
  }

  #leaveOut(bad: BadRecord): boolean {
    for (const store of this.#stores) store.clear(this.#rows);
    if (!this.#dialect.ignoreErrors) {
      this.bad = bad;
      return false;
    }
    this.skipped++;
    return true;
  }

  /** A record that does not end within the bound. */
  async #passOverlong(): Promise<boolean> {
    const window = this.#window;
    const rest = window.bytes.subarray(window.consumed);
    const ordinal = this.#tokenizer.records++;
    const text = rest.toString('utf8', 0, 100);
    if (!this.#leaveOut({ problem: Problem.Overlong, ordinal, text, found: 0, field: null, value: '' }))
      return false;
    const scanner = new RecordScanner(this.#dialect);
    for (let chunk = rest; ; chunk = window.bytes) {
      const found = scanner.find(chunk, 0, 0);
      window.consumed = window.bytes.length - chunk.length + (found < 0 ? chunk.length : found);
      if (found >= 0 || !(await window.fill())) return true;
    }
  }

  #finish(): Batch {
    const rows = this.#rows;
    const columns = this.#stores.map(store => store.finish(rows));
    this.#counts[0] = 0;
    this.#room = 0;
    this.#loop = null;
    return { schema: this.#schema, rows, columns };
  }
}

const sampledBytes = 64 * 1024;
const mostExpectedTexts = 131_072;
const mostExpectedBytes = 64 * 1024 * 1024;

function setFrom(store: ColumnStore, bytes: Buffer, block: RecordBlock, row: number): boolean {
  const { column } = store;
  return store.set(bytes, block.starts[column]!, block.ends[column]!, block.kinds[column]!, row);
}

function textProblem(record: Buffer): number {
  if (record.length > limits.lineBytes) return Problem.Overlong;
  if (!isUtf8(record)) return Problem.NotUtf8;
  return record.includes(0) ? Problem.Nul : Problem.None;
}
