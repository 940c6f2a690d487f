import { isUtf8 } from 'node:buffer';
import { limits } from '../../../core/base/limits.js';
import type { Batch } from '../../column/column.js';
import { formatType, type Schema } from '../../column/datatype.js';
import { batchRows } from '../csv/constants.js';
import { badData } from '../errors.js';
import type { Window } from '../window.js';
import { RecordBlock } from './block.js';
import { type Framing, moreText } from './framing.js';
import { Lexer, lineFeed } from './lexer.js';
import { ObjectReader } from './objects.js';
import { createWriter } from './writers.js';

export interface RecordOptions {
  readonly file: string;
  /** All columns of the scan; of these `schema` is asked for. */
  readonly known: Schema;
  readonly schema: Schema;
  /** Whether keys beside `known` are an error. */
  readonly closed: boolean;
  readonly ignoreErrors: boolean;
  /** Records that begin here or later belong to others. Infinity: all are ours. */
  readonly end: number;
  /** The 1-based number of the record that begins at this byte: only errors pay for finding out. */
  rowAt(start: number, ordinal: number): Promise<number>;
}

const skip = 'ignoreErrors: true skips such records';
const endsEarly = 'ends too early';
const overlong = `a record exceeds ${limits.lineBytes} bytes`;

/** Turns the records of a window that moves over a source into batches. */
export class RecordReader {
  /** Records that were left out. */
  skipped = 0;
  readonly #options: RecordOptions;
  readonly #framing: Framing;
  readonly #window: Window;
  readonly #lexer: Lexer;
  readonly #objects: ObjectReader;
  readonly #writers: readonly ReturnType<typeof createWriter>[];
  readonly #block: RecordBlock;
  #rows = 0;
  /** Records before the block. */
  #before = 0;

  constructor(window: Window, framing: Framing, options: RecordOptions) {
    const { known, schema, closed } = options;
    this.#options = options;
    this.#window = window;
    this.#framing = framing;
    this.#lexer = new Lexer(framing.linesEnd);
    const names = known.map(({ name }) => name);
    this.#objects = new ObjectReader(
      names,
      schema.map(({ name }) => names.indexOf(name)),
      closed,
    );
    this.#writers = schema.map(({ name, type }) => createWriter(type, name, closed));
    this.#block = new RecordBlock(schema.length);
  }

  async *batches(): AsyncGenerator<Batch> {
    for (;;) {
      const done = this.#fill();
      if (this.#block.count > 0) await this.#convert();
      if (this.#rows >= batchRows || (done && this.#rows > 0)) yield this.#finish();
      if (done) return;
      if (this.#needsMore) await this.#more();
    }
  }

  #needsMore = false;

  /** Steps over records until the block is full or the window is used up. @returns whether there is nothing behind */
  #fill(): boolean {
    const window = this.#window;
    const { bytes, isFinal } = window;
    const framing = this.#framing;
    const block = this.#block;
    const end = bytes.length;
    block.clear();
    this.#needsMore = false;
    let p = window.at;
    while (block.count < block.capacity) {
      p = framing.start(bytes, p, end, isFinal);
      const { state } = framing;
      window.at = state === 'record' ? framing.recordStart : p;
      if (state === 'done' || window.start + framing.recordStart >= this.#options.end) return true;
      if (state === 'more') {
        this.#needsMore = true;
        return false;
      }
      if (state === 'malformed') return this.#malformed(p, framing.problem);
      const to = this.#objects.read(this.#lexer, bytes, p, end, block.count, block.places);
      const next = to < 0 ? -1 : framing.finish(bytes, to, end, isFinal);
      if (next >= 0) {
        block.add(p, to, to - p > limits.lineBytes ? overlong : null);
        p = next;
        window.at = p;
        continue;
      }
      const problem = to < 0 ? this.#lexer.problem : framing.state === 'more' ? null : framing.problem;
      if (problem === null && !isFinal) {
        this.#forget();
        this.#needsMore = true;
        return false;
      }
      const line = framing.linesEnd ? bytes.indexOf(lineFeed, p) : -1;
      const stop = line < 0 ? end : line;
      // A line that was cut by the window is read again as a whole, for the message and to step over it.
      if (framing.linesEnd && line < 0 && !isFinal) {
        this.#forget();
        this.#needsMore = true;
        return false;
      }
      if (!framing.linesEnd) return this.#malformed(p, problem ?? endsEarly);
      block.add(p, stop, problem ?? endsEarly);
      p = Math.min(end, stop + 1);
      window.at = p;
    }
    return false;
  }

  /** A document that cannot be gone on with: its last record is an error, whatever the options say. */
  #malformed(from: number, problem: string): boolean {
    this.#forget();
    this.#block.add(from, Math.min(this.#window.bytes.length, from + 200), problem);
    this.#fatal = true;
    return true;
  }

  #fatal = false;

  /** A record that is read again later has left places behind. */
  #forget(): void {
    const { kinds, stride } = this.#block.places;
    for (let i = this.#block.count; i < kinds.length; i += stride) kinds[i] = 0;
  }

  /** Goes on reading, up to the bound of one record. */
  async #more(): Promise<void> {
    const window = this.#window;
    if (window.bytes.length - window.at > limits.lineBytes) {
      const { file, ignoreErrors } = this.#options;
      const row = await this.#options.rowAt(window.start + window.at, this.#before);
      if (!ignoreErrors || !this.#framing.linesEnd) {
        const text = window.bytes.toString('utf8', window.at, window.at + 100);
        throw badData({ file, row, text }, overlong);
      }
      this.skipped++;
      this.#before++;
      await window.skipPast(lineFeed);
      return;
    }
    await window.more();
  }

  async #convert(): Promise<void> {
    const block = this.#block;
    const { bytes } = this.#window;
    const { ignoreErrors, schema } = this.#options;
    this.#checkText(bytes);
    if (ignoreErrors) this.#reject(bytes);
    let bad = block.bad > 0 && (!ignoreErrors || this.#fatal) ? this.#firstBad() : -1;
    let column = -1;
    for (const [c, writer] of this.#writers.entries()) {
      const r = writer.appendAll(bytes, block, c);
      if (r >= 0 && (bad < 0 || r < bad)) {
        bad = r;
        column = c;
      }
    }
    if (bad >= 0) throw await this.#failure(bad, column < 0 ? null : schema[column]!, column);
    this.skipped += block.bad;
    this.#rows += block.count - block.bad;
    this.#before += block.count;
  }

  #firstBad(): number {
    const { problems, count } = this.#block;
    return this.#fatal && this.#options.ignoreErrors
      ? count - 1
      : problems.findIndex(problem => problem !== null);
  }

  /** Marks records that are not UTF-8. The whole block is looked at natively; records only when it fails. */
  #checkText(bytes: Buffer): void {
    const block = this.#block;
    if (isUtf8(bytes.subarray(block.from[0]!, block.to[block.count - 1]!))) return;
    for (let r = 0; r < block.count; r++) {
      if (!isUtf8(bytes.subarray(block.from[r]!, block.to[r]!))) block.reject(r, 'not UTF-8');
    }
  }

  #reject(bytes: Buffer): void {
    const block = this.#block;
    const { starts, ends, kinds, stride } = block.places;
    this.#writers.forEach((writer, c) => {
      for (let r = 0; r < block.count; r++) {
        const i = c * stride + r;
        if (block.problems[r] === null && !writer.accepts(bytes, starts[i]!, ends[i]!, kinds[i]!)) {
          block.reject(r, 'no value of its type');
        }
      }
    });
  }

  async #failure(r: number, field: Schema[number] | null, column: number) {
    const block = this.#block;
    const { bytes, start } = this.#window;
    const { file } = this.#options;
    const row = await this.#options.rowAt(start + block.from[r]!, this.#before + r);
    if (field === null) {
      const text = bytes
        .toString('utf8', block.from[r]!, Math.min(block.to[r]!, block.from[r]! + 500))
        .trimEnd();
      return badData({ file, row, text }, block.problems[r]!, this.#wayOut(block.problems[r]!));
    }
    const i = column * block.places.stride + r;
    const text = bytes.toString('utf8', block.places.starts[i]!, block.places.ends[i]!);
    const wayOut = `Declare another type (schema: { ${JSON.stringify(field.name)}: DataType.Utf8 }), or ${skip}`;
    return badData({ file, row, column: field.name, text }, `no ${formatType(field.type)}`, wayOut);
  }

  #wayOut(problem: string): string {
    if (problem.startsWith('key '))
      return `Declare it (schema: { … }): then other keys are ignored, or ${skip}`;
    if (this.#framing.linesEnd) return skip;
    return problem === moreText ? 'An object a line is read by scanNDJSON' : '';
  }

  #finish(): Batch {
    const columns = this.#writers.map(({ builder }) => builder.finish());
    const rows = this.#rows;
    this.#rows = 0;
    return { schema: this.#options.schema, rows, columns };
  }
}
