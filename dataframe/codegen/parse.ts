import { VolleyError } from '../../core/base/errors.js';
import { type ColumnBuilder, createBuilder } from '../column/builder.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { parseDecimal } from '../column/decimal.js';
import type { DecimalBuilder } from '../column/decimal-builder.js';
import { joinDay, words } from '../column/int64.js';
import { directives, nanosPerDay, parseIso, timeParser } from './time-text.js';

/** Texts as values of a type. `bad[i]` is 1 where text i is none: 0 in the column when strict, else null. */
export interface Parsed {
  readonly column: Column;
  readonly bad: Uint8Array | null;
}

/** Parses each text; `format` is a strptime format or null. */
export function parseColumn(
  texts: readonly string[],
  type: DataType,
  format: string | null,
  strict: boolean,
): Parsed {
  const builder = createBuilder(type, texts.length);
  const append = appender(builder, format);
  let bad: Uint8Array | null = null;
  for (let i = 0; i < texts.length; i++) {
    if (append(texts[i]!)) continue;
    bad ??= new Uint8Array(texts.length);
    bad[i] = 1;
    if (!strict) builder.appendNull();
    else if (type.kind === 'bool') builder.appendBool(false);
    else builder.appendNumber(0);
  }
  return { column: builder.finish(), bad };
}

/** Appends the value of a text, or nothing and gives false. */
type Append = (text: string) => boolean;

const floatForm = /^[+-]?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)$/i;
const integerForm = /^[+-]?\d{1,20}$/;

function appender(builder: ColumnBuilder, format: string | null): Append {
  const type = builder.type;
  switch (type.kind) {
    case 'bool':
      return text => {
        const known = booleans.get(text.trim().toLowerCase());
        if (known === undefined) return false;
        builder.appendBool(known);
        return true;
      };
    case 'float32':
    case 'float64':
      return text => {
        const plain = text.trim();
        if (!floatForm.test(plain)) return false;
        builder.appendNumber(floatOf(plain));
        return true;
      };
    case 'decimal':
      return text => {
        const unscaled = parseDecimal(text, type);
        if (unscaled === null) return false;
        (builder as DecimalBuilder).appendUnscaled(unscaled);
        return true;
      };
    case 'date':
    case 'timestamp':
      return timeAppender(builder, format);
    default:
      return integerAppender(builder);
  }
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
]);

function floatOf(text: string): number {
  const last = text.at(-1)!.toLowerCase();
  if (last === 'n') return NaN;
  if (last === 'f' || last === 'y') return text.startsWith('-') ? -Infinity : Infinity;
  return Number(text);
}

const integerRanges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int8: [-128n, 127n],
  int16: [-32768n, 32767n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  uint8: [0n, 255n],
  uint16: [0n, 65535n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};
const int64Range: readonly [bigint, bigint] = [-(2n ** 63n), 2n ** 63n - 1n];

/** BigInt is fine here: once per distinct text. */
function integerAppender(builder: ColumnBuilder): Append {
  const [low, high] = integerRanges[builder.type.kind] ?? int64Range;
  return text => {
    const plain = text.trim();
    if (!integerForm.test(plain)) return false;
    const value = BigInt(plain.startsWith('+') ? plain.slice(1) : plain);
    if (value < low || value > high) return false;
    builder.appendInt64(Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    return true;
  };
}

const nanosPerUnit = { s: 1e9, ms: 1e6, us: 1e3, ns: 1 } as const;

function timeAppender(builder: ColumnBuilder, format: string | null): Append {
  const { type } = builder;
  const parse = format === null ? parseIso : parserOf(format);
  if (type.kind !== 'timestamp') {
    // A date text may carry a time only where a format was given for it.
    return text => {
      const found = parse(text);
      if (found === null || (format === null && found.nanos !== 0)) return false;
      builder.appendNumber(found.day);
      return true;
    };
  }
  const scale = nanosPerUnit[type.unit];
  return text => {
    const found = parse(text);
    if (found === null) return false;
    joinDay(found.day, Math.floor(found.nanos / scale), nanosPerDay / scale);
    if (words.high > 2147483647 || words.high < -2147483648) return false;
    builder.appendInt64(words.low | 0, words.high | 0);
    return true;
  };
}

function parserOf(format: string): ReturnType<typeof timeParser> {
  try {
    return timeParser(format);
  } catch (error) {
    throw unknownDirective(format, error);
  }
}

/** The error of a time format with a directive nobody knows. */
export function unknownDirective(format: string, error: unknown): unknown {
  if (!(error instanceof RangeError)) return error;
  const known = directives.map(d => `%${d}`);
  return new VolleyError(
    'INVALID_ARGUMENT',
    `the time format ${JSON.stringify(format)} has the unknown directive ${error.message}; known are ${known.join(' ')}`,
    { format, directive: error.message },
  );
}
