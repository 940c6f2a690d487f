import { assert } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import { type DataType, formatType, DataType as Types } from '../column/datatype.js';
import { dictionaryOf, entryText } from '../column/dictionary.js';
import { isWide } from '../column/layout.js';
import type { ExprNode } from '../expr/node.js';
import type { CallNode } from './emit.js';
import { emit } from './emit.js';
import { joinTime, scaleTime, splitTime, unitsPerSecond } from './emit-date.js';
import {
  anyNull,
  type BoolValue,
  type Emitted,
  type Emitter,
  type NumberValue,
  type PairValue,
  type TextValue,
} from './emitter.js';
import { loadColumn } from './load.js';
import { parseColumn } from './parse.js';
import { concatTexts, formatColumn } from './row-text.js';
import { toFloat } from './wide.js';

type CastNode = Extract<ExprNode, { kind: 'cast' }>;

export function emitCast(emitter: Emitter, node: CastNode): Emitted {
  const { type, strict } = node;
  const parse = node.input.kind === 'call' && node.input.fn === 'str.strptime' ? node.input : null;
  const value = emit(emitter, parse === null ? node.input : parse.args[0]!);
  if (value.form === 'null') return { form: 'null', type, isNull: 'true' };
  if (value.form === 'text') {
    const format = parse === null ? null : String(parse.params?.format);
    if (type.kind === 'utf8') return value;
    return castText(emitter, value, type, strict, format);
  }
  if (value.form === 'bool') return castBool(emitter, value, type);
  if (type.kind === 'utf8') return loadColumn(emitter, formatColumn(emitter.materialize(node.input)), 'j');
  if (isTime(value.type) && isTime(type)) return castTime(emitter, value, type);
  if (type.kind === 'bool') {
    const test = value.form === 'pair' ? `${value.high}!==0||${value.low}!==0` : `${value.code}!==0`;
    return { form: 'bool', type, isNull: value.isNull, code: emitter.local(test, 'b') };
  }
  return castNumber(emitter, value, type, strict);
}

function isTime(type: DataType): boolean {
  return type.kind === 'date' || type.kind === 'timestamp';
}

function castBool(emitter: Emitter, value: BoolValue, type: DataType): Emitted {
  const { isNull } = value;
  const code = emitter.local(`${value.code}?1:0`);
  if (type.kind !== 'utf8') return { form: 'number', type, isNull, code };
  return { form: 'text', type, isNull, code, dictionary: dictionaryOf(['false', 'true']).dictionary };
}

/** Parsed once per dictionary entry. An entry that is no value only matters when a row refers to it. */
function castText(
  emitter: Emitter,
  value: TextValue,
  type: DataType,
  strict: boolean,
  format: string | null,
): Emitted {
  const { dictionary, isNull, code } = value;
  const { column, bad } = parseColumn(emitter.entries(dictionary), type, format, strict);
  if (bad !== null && strict) {
    const fail = emitter.bind((row: number, entry: number) => {
      throw castFailed(row, entryText(dictionary, entry), Types.Utf8, type);
    });
    const live = isNull === null ? '' : `!${isNull}&&`;
    emitter.line(`if(${live}${emitter.bind(bad)}[${code}]!==0)${fail}(i,${code});`);
  }
  if (column.length === 0) return { form: 'null', type, isNull: 'true' };
  const parsed = loadColumn(emitter, column, code);
  if (parsed.form === 'null') return parsed;
  return { ...parsed, isNull: anyNull(emitter, isNull, parsed.isNull) };
}

function castFailed(row: number, value: unknown, from: DataType, to: DataType): VolleyError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new VolleyError(
    'CAST_FAILED',
    `row ${row}: ${shown} (${formatType(from)}) is no ${formatType(to)}: clean the data, or cast with { strict: false } to get null`,
    { row, value, from: formatType(from), type: formatType(to) },
  );
}

function castTime(emitter: Emitter, value: NumberValue | PairValue, type: DataType): Emitted {
  const split = splitTime(emitter, value);
  if (type.kind === 'date') return { form: 'number', type, isNull: split.isNull, code: split.day };
  assert(type.kind === 'timestamp', 'a time becomes a date or a timestamp');
  if (value.type.kind === 'timestamp' && value.type.unit === type.unit) return { ...value, type };
  const time = scaleTime(emitter, split.time, split.perSecond, unitsPerSecond[type.unit]);
  return joinTime(emitter, split.day, time, type, split.isNull);
}

/** Lowest value and the one above the highest, where they are float64s. */
const ranges: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 128],
  int16: [-32768, 32768],
  int32: [-(2 ** 31), 2 ** 31],
  date: [-(2 ** 31), 2 ** 31],
  int64: [-(2 ** 63), 2 ** 63],
  timestamp: [-(2 ** 63), 2 ** 63],
  duration: [-(2 ** 63), 2 ** 63],
  uint8: [0, 256],
  uint16: [0, 65536],
  uint32: [0, 2 ** 32],
  uint64: [0, 2 ** 64],
};

function castNumber(
  emitter: Emitter,
  value: NumberValue | PairValue,
  type: DataType,
  strict: boolean,
): Emitted {
  if (type.kind === 'float64' || type.kind === 'float32') {
    const float = toFloat(emitter, value);
    const code = type.kind === 'float32' ? emitter.local(`Math.fround(${float})`) : float;
    return { form: 'number', type, isNull: value.isNull, code };
  }
  const range = ranges[type.kind];
  assert(range !== undefined, () => `no cast to ${formatType(type)}`);
  if (value.form === 'pair') return castPair(emitter, value, type, strict, range);
  const float = value.type.kind === 'float64' || value.type.kind === 'float32';
  const code = float ? emitter.local(`Math.trunc(${value.code})+0`) : value.code;
  if (!float && isInside(value.type, type)) return { ...value, type };
  // Written so that NaN is outside.
  const outside = `!(${code}>=${range[0]}&&${code}<${range[1]})`;
  const isNull = refuse(emitter, outside, value, value.code, type, strict);
  if (!float || !isWide(type)) return { form: 'number', type, isNull, code };
  // A float beyond 2^53 is still an integer: two words hold it.
  const high = emitter.local(`Math.floor(${code}/4294967296)`, 'h');
  return { form: 'pair', type, isNull, high, low: emitter.local(`${code}-${high}*4294967296`, 'l') };
}

/** True when every value of `from` is one of `to`: no test is needed. Safe integers fit all 64-bit types. */
function isInside(from: DataType, to: DataType): boolean {
  const a = ranges[from.kind];
  const b = ranges[to.kind];
  if (a === undefined || b === undefined) return false;
  return a[0] >= b[0] && (a[1] <= b[1] || (isWide(from) && isWide(to)));
}

function castPair(
  emitter: Emitter,
  value: PairValue,
  type: DataType,
  strict: boolean,
  range: readonly [number, number],
): Emitted {
  const shown = `${value.high}*4294967296+${value.low}`;
  if (isWide(type)) {
    const outside = type.kind === 'uint64' ? `${value.high}<0` : `${value.high}>2147483647`;
    const same = (value.type.kind === 'uint64') === (type.kind === 'uint64');
    const isNull = same ? value.isNull : refuse(emitter, outside, value, shown, type, strict);
    return { ...value, type, isNull };
  }
  const code = emitter.local(shown);
  const isNull = refuse(emitter, `!(${code}>=${range[0]}&&${code}<${range[1]})`, value, code, type, strict);
  return { form: 'number', type, isNull, code };
}

/** Strict: throws for such rows. Else they are null; gives the new null flag. */
function refuse(
  emitter: Emitter,
  outside: string,
  value: Emitted,
  shown: string,
  type: DataType,
  strict: boolean,
): string | null {
  if (!strict) return anyNull(emitter, value.isNull, emitter.local(outside, 'n'));
  const from = value.type;
  const fail = emitter.bind((row: number, found: number) => {
    throw castFailed(row, found, from, type);
  });
  const live = value.isNull === null ? '' : `!${value.isNull}&&`;
  emitter.line(`if(${live}${outside})${fail}(i,${shown});`);
  return value.isNull;
}

/** concatStr and strftime: texts that are made row by row, before the loop. */
export function emitRowText(emitter: Emitter, node: CallNode): Emitted {
  const columns = node.args.map(arg => emitter.materialize(arg));
  const format = String(node.params?.format ?? '');
  const column =
    node.fn === 'concatStr'
      ? concatTexts(columns, String(node.params?.separator ?? ''), emitter.rows)
      : formatColumn(columns[0]!, format);
  return loadColumn(emitter, column, 'j');
}
