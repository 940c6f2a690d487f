import { blockFields, blockRecords } from './constants.js';
import { type Dialect, lineFeed } from './dialect.js';
import { FieldKind, FieldReader, Problem } from './fields.js';

/** Some records of one window; field (r, c) is at index r * fields + c. */
export class RecordBlock {
  readonly fields: number;
  /** Records it holds: fewer where they are wide, so that positions stay within a few MiB. */
  readonly capacity: number;
  count = 0;
  /** Field positions in the window, without quotes. 'Escaped' fields still have their escapes. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly kinds: Uint8Array;
  /** Per record: its bytes in the window, how many fields it has, a Problem, and its number in the split. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly found: Int32Array;
  readonly problem: Uint8Array;
  readonly ordinal: Float64Array;

  constructor(fields: number, records: number = blockRecords) {
    const capacity = Math.min(records, Math.max(16, Math.floor(blockFields / Math.max(1, fields))));
    this.fields = fields;
    this.capacity = capacity;
    this.starts = new Int32Array(capacity * fields);
    this.ends = new Int32Array(capacity * fields);
    this.kinds = new Uint8Array(capacity * fields);
    this.from = new Int32Array(capacity);
    this.to = new Int32Array(capacity);
    this.found = new Int32Array(capacity);
    this.problem = new Uint8Array(capacity);
    this.ordinal = new Float64Array(capacity);
  }
}

/**
 * Splits records into fields. Lines of a comment are skipped; blank lines too where a record has several fields, with
 * one field they are an empty one.
 */
export class Tokenizer {
  readonly #delimiter: number;
  readonly #comment: number;
  readonly #reader: FieldReader;
  /** Records seen so far, skipped lines too: the number of the next one, from 0. */
  records = 0;

  constructor(dialect: Dialect) {
    this.#delimiter = dialect.delimiter;
    this.#comment = dialect.comment;
    this.#reader = new FieldReader(dialect);
  }

  /**
   * Fills the block with complete records of window[from...]. With `final` the window's end is the end of the last
   * record. @returns where the next record starts
   */
  fill(window: Uint8Array, from: number, final: boolean, block: RecordBlock): number {
    block.count = 0;
    let p = from;
    while (p < window.length && block.count < block.capacity) {
      const comment = window[p] === this.#comment;
      const next = comment ? lineAfter(window, p, final) : this.#record(window, p, final, block);
      if (next < 0) {
        break;
      }
      p = next;
      this.records++;
    }
    return p;
  }

  /** @returns the position after the record, or -1 when the window ends within it */
  #record(window: Uint8Array, from: number, final: boolean, block: RecordBlock): number {
    const reader = this.#reader;
    const { length } = window;
    const first = block.count * block.fields;
    let problem: number = Problem.None;
    let p = from;
    for (let field = 0; ; field++) {
      reader.read(window, p, length);
      p = reader.next;
      if (p === length && !final) {
        return -1;
      }
      problem ||= reader.problem;
      if (field < block.fields) {
        block.starts[first + field] = reader.start;
        block.ends[first + field] = reader.end;
        block.kinds[first + field] = reader.kind;
      }
      if (p < length && window[p] === this.#delimiter) {
        p++;
        continue;
      }
      const lastEmpty = reader.start === reader.end && reader.kind === FieldKind.Plain;
      this.#finish(block, from, p, field + 1, problem, lastEmpty);
      return Math.min(p + 1, length);
    }
  }

  #finish(
    block: RecordBlock,
    from: number,
    to: number,
    found: number,
    problem: number,
    lastEmpty: boolean,
  ): void {
    // Blank line.
    if (found === 1 && lastEmpty && block.fields > 1) {
      return;
    }
    const r = block.count++;
    block.from[r] = from;
    block.to[r] = to;
    block.found[r] = found;
    block.problem[r] = problem || (found === block.fields ? Problem.None : Problem.Ragged);
    block.ordinal[r] = this.records;
  }
}

/** Where the line after the one that begins at `from` begins; -1 when the window ends before. */
export function lineAfter(window: Uint8Array, from: number, final: boolean): number {
  const newline = window.indexOf(lineFeed, from);
  if (newline >= 0) return newline + 1;
  return final ? window.length : -1;
}
