import { assert } from '../../core/base/assert.js';
import { type DataType, formatType, DataType as Types } from '../column/datatype.js';
import { dictionaryOf, entryText } from '../column/dictionary.js';
import { isWide } from '../column/layout.js';
import type { ExprNode } from '../expr/node.js';
import { castBounds, castFailed, refuse } from './cast-bounds.js';
import { castDecimal } from './cast-decimal.js';
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
  if (value.form === 'bool') return castBool(emitter, value, type, strict);
  if (type.kind === 'utf8') return loadColumn(emitter, formatColumn(emitter.materialize(node.input)), 'j');
  if (value.form === 'big' || value.type.kind === 'decimal' || type.kind === 'decimal') {
    return castDecimal(emitter, value, type, strict);
  }
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

function castBool(emitter: Emitter, value: BoolValue, type: DataType, strict: boolean): Emitted {
  const { isNull } = value;
  const code = emitter.local(`${value.code}?1:0`);
  if (type.kind === 'decimal') {
    return castDecimal(emitter, { form: 'number', type: Types.UInt8, isNull, code }, type, strict);
  }
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

function castTime(emitter: Emitter, value: NumberValue | PairValue, type: DataType): Emitted {
  const split = splitTime(emitter, value);
  if (type.kind === 'date') return { form: 'number', type, isNull: split.isNull, code: split.day };
  assert(type.kind === 'timestamp', 'a time becomes a date or a timestamp');
  if (value.type.kind === 'timestamp' && value.type.unit === type.unit) return { ...value, type };
  const time = scaleTime(emitter, split.time, split.perSecond, unitsPerSecond[type.unit]);
  return joinTime(emitter, split.day, time, type, split.isNull);
}

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
  const range = castBounds[type.kind];
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
  const a = castBounds[from.kind];
  const b = castBounds[to.kind];
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
