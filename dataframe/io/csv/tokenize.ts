import { blockFields, blockRecords } from './constants.js';
import { carriageReturn, type Dialect, lineFeed } from './dialect.js';

/** How a field was written. */
export const FieldKind = { Plain: 0, Quoted: 1, Escaped: 2 } as const;

/** What is wrong with a record, before its values are looked at. */
export const Problem = {
  None: 0,
  Ragged: 1,
  TextAfterQuote: 2,
  OpenQuote: 3,
  Nul: 4,
  NotUtf8: 5,
  Value: 6,
} as const;

/** Up to `blockRecords` records of one window; field (r, c) is at index r * fields + c. */
export class RecordBlock {
  readonly fields: number;
  /** Records it holds: fewer where they are wide, so that positions stay within a few MiB. */
  readonly capacity: number;
  count = 0;
  /** Field positions in the window, without quotes. 'Escaped' fields still have their doubled quotes. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly kinds: Uint8Array;
  /** Per record: its bytes in the window, how many fields it has, a Problem, and its number in the split. */
  readonly from = new Int32Array(blockRecords);
  readonly to = new Int32Array(blockRecords);
  readonly found = new Int32Array(blockRecords);
  readonly problem = new Uint8Array(blockRecords);
  readonly ordinal = new Float64Array(blockRecords);

  constructor(fields: number) {
    this.fields = fields;
    this.capacity = Math.max(16, Math.min(blockRecords, Math.floor(blockFields / Math.max(1, fields))));
    this.starts = new Int32Array(this.capacity * fields);
    this.ends = new Int32Array(this.capacity * fields);
    this.kinds = new Uint8Array(this.capacity * fields);
  }
}

/**
 * Splits records into fields. A field is quoted when its first byte is the quote; a quote elsewhere is text. Blank
 * lines are skipped where a record has several fields; with one field they are an empty one.
 */
export class Tokenizer {
  #delimiter: number;
  #quote: number;
  /** Records seen so far, blank lines too: the number of the next one, from 0. */
  records = 0;

  constructor(dialect: Dialect) {
    this.#delimiter = dialect.delimiter;
    this.#quote = dialect.quote;
  }

  /**
   * Fills the block with complete records of window[from...]. With `final` the window's end is the end of the last
   * record. @returns where the next record starts
   */
  fill(window: Uint8Array, from: number, final: boolean, block: RecordBlock): number {
    block.count = 0;
    let p = from;
    while (p < window.length && block.count < block.capacity) {
      const next = this.#record(window, p, final, block);
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
    const delimiter = this.#delimiter;
    const length = window.length;
    const r = block.count;
    const first = r * block.fields;
    let problem: number = Problem.None;
    let p = from;
    for (let field = 0; ; field++) {
      let start = p;
      let end: number;
      let kind: number = FieldKind.Plain;
      if (p < length && window[p] === this.#quote) {
        start = p + 1;
        end = this.#closing(window, start);
        if (end < 0) {
          if (!final) {
            return -1;
          }
          end = length;
          p = length;
          problem = Problem.OpenQuote;
        } else {
          p = end + 1;
        }
        kind = this.#escaped ? FieldKind.Escaped : FieldKind.Quoted;
        const close = p;
        while (p < length && window[p] !== delimiter && window[p] !== lineFeed) {
          p++;
        }
        // Only the carriage return of a line end may follow.
        if (
          p > close &&
          !(p === close + 1 && window[close] === carriageReturn && (p === length || window[p] === lineFeed))
        ) {
          problem ||= Problem.TextAfterQuote;
        }
      } else {
        while (p < length && window[p] !== delimiter && window[p] !== lineFeed) {
          p++;
        }
        end =
          p > start && window[p - 1] === carriageReturn && (p === length || window[p] === lineFeed)
            ? p - 1
            : p;
      }
      if (p === length && !final) {
        return -1;
      }
      if (field < block.fields) {
        block.starts[first + field] = start;
        block.ends[first + field] = end;
        block.kinds[first + field] = kind;
      }
      if (p < length && window[p] === delimiter) {
        p++;
        continue;
      }
      this.#finish(block, from, p, field + 1, problem, start === end && kind === FieldKind.Plain);
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

  /** Whether the field that `#closing` looked at has doubled quotes. */
  #escaped = false;

  /** The closing quote of a field whose text starts at `from`, or -1. */
  #closing(window: Uint8Array, from: number): number {
    const quote = this.#quote;
    this.#escaped = false;
    for (let p = from; p < window.length; p++) {
      if (window[p] !== quote) {
        continue;
      }
      if (p + 1 < window.length && window[p + 1] === quote) {
        this.#escaped = true;
        p++;
        continue;
      }
      return p;
    }
    return -1;
  }
}

/** Copies a field with doubled quotes made single. @returns its length in `out`, which must be large enough */
export function undouble(
  window: Uint8Array,
  from: number,
  to: number,
  quote: number,
  out: Uint8Array,
): number {
  let n = 0;
  for (let p = from; p < to; p++) {
    const byte = window[p]!;
    out[n++] = byte;
    if (byte === quote) {
      p++;
    }
  }
  return n;
}
