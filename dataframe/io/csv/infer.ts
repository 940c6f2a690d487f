import { DataType } from '../../column/datatype.js';
import type { Dialect } from './dialect.js';
import { FieldKind, Problem } from './fields.js';
import { anyFloat, boolean, shortFloat, shortInteger, wideInteger } from './numbers.js';
import { isoDate, isoTime } from './times.js';
import type { RecordBlock } from './tokenize.js';

/** What the sampled values of a column look like. */
type Guess = 'none' | 'bool' | 'int' | 'float' | 'date' | 'wall' | 'instant' | 'text';

/** Types of columns from sample values. Sample records that are malformed are left for the reader to complain about. */
export class TypeGuesser {
  #guesses: Guess[];
  #dialect: Dialect;

  constructor(fields: number, dialect: Dialect) {
    this.#guesses = new Array<Guess>(fields).fill('none');
    this.#dialect = dialect;
  }

  add(window: Uint8Array, block: RecordBlock): void {
    for (let r = 0; r < block.count; r++) {
      if (block.problem[r] !== Problem.None) {
        continue;
      }
      for (let c = 0; c < block.fields; c++) {
        const i = r * block.fields + c;
        this.#see(window, block.starts[i]!, block.ends[i]!, block.kinds[i]!, c);
      }
    }
  }

  types(): DataType[] {
    return this.#guesses.map(guess => typeOf[guess]);
  }

  #see(window: Uint8Array, from: number, to: number, kind: number, column: number): void {
    const known = this.#guesses[column]!;
    if (
      known === 'text' ||
      (kind !== FieldKind.Escaped && isNullField(window, from, to, FieldKind.Plain, this.#dialect))
    ) {
      return;
    }
    const guess = kind === FieldKind.Escaped ? 'text' : guessOf(window, from, to);
    if (guess !== known) {
      this.#guesses[column] = merge(known, guess);
    }
  }
}

const typeOf: Record<Guess, DataType> = {
  none: DataType.Utf8,
  bool: DataType.Bool,
  int: DataType.Int64,
  float: DataType.Float64,
  date: DataType.Date,
  wall: DataType.Timestamp('us', null),
  instant: DataType.Timestamp('us', 'UTC'),
  text: DataType.Utf8,
};

/** Integers widen to floats and dates to timestamps; wall times and instants do not mix; all else is text. */
function merge(a: Guess, b: Guess): Guess {
  if (a === 'none' || a === b) {
    return b;
  }
  const pair = [a, b].sort().join(' ');
  return pair === 'float int'
    ? 'float'
    : pair === 'date wall'
      ? 'wall'
      : pair === 'date instant'
        ? 'instant'
        : 'text';
}

function guessOf(window: Uint8Array, from: number, to: number): Guess {
  if (!Number.isNaN(shortInteger(window, from, to))) {
    return 'int';
  }
  if (!Number.isNaN(shortFloat(window, from, to))) {
    return 'float';
  }
  if (!Number.isNaN(isoDate(window, from, to))) {
    return 'date';
  }
  const time = isoTime(window, from, to);
  if (time !== null) {
    return time.zoned ? 'instant' : 'wall';
  }
  if (boolean(window, from, to) >= 0) {
    return 'bool';
  }
  if (wideInteger(window, from, to, false) !== null) {
    return 'int';
  }
  return anyFloat(window, from, to) === null ? 'text' : 'float';
}

/**
 * True for the empty field and for `nullValues`. Quoted text is never null in text columns: pass FieldKind.Plain for
 * columns of other types, where `""` can mean nothing else.
 */
export function isNullField(
  window: Uint8Array,
  from: number,
  to: number,
  kind: number,
  dialect: Dialect,
): boolean {
  if (kind !== FieldKind.Plain) {
    return false;
  }
  if (from === to) {
    return true;
  }
  for (const text of dialect.nullValues) {
    if (text.length === to - from) {
      let i = 0;
      while (i < text.length && text[i] === window[from + i]) {
        i++;
      }
      if (i === text.length) {
        return true;
      }
    }
  }
  return false;
}
