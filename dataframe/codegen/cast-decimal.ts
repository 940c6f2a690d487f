import { assert } from '../../core/base/assert.js';
import { type DataType, formatType } from '../column/datatype.js';
import {
  asDecimalType,
  type DecimalType,
  decimalToNumber,
  formatDecimal,
  holdsAll,
  maxPrecisionSafe,
  parseDecimal,
  type Unscaled,
} from '../column/decimal.js';
import { isWide } from '../column/layout.js';
import { castBounds, refuse } from './cast-bounds.js';
import {
  type DecimalValue,
  decimalValue,
  powerText,
  scaledDown,
  scaledUp,
  UnsafeDecimal,
  unsafeDecimal,
} from './emit-decimal.js';
import type { BigValue, Emitted, Emitter, NumberValue, PairValue } from './emitter.js';

type Numeric = NumberValue | PairValue | BigValue;

/** Casts of numbers to decimals and of decimals to numbers and booleans. */
export function castDecimal(emitter: Emitter, value: Numeric, type: DataType, strict: boolean): Emitted {
  if (type.kind !== 'decimal') return fromDecimal(emitter, value, type, strict);
  if (value.form === 'number' && (value.type.kind === 'float64' || value.type.kind === 'float32')) {
    return fromFloat(emitter, value, type, strict);
  }
  const exact = integerAsDecimal(emitter, value);
  const from = exact.type as DecimalType;
  const more = type.scale - from.scale;
  const code = more >= 0 ? scaledUp(emitter, exact, more) : scaledDown(emitter, exact, -more);
  if (holdsAll(type, from)) return decimalValue(emitter, type, code, exact.isNull);
  const outside = outsideText(emitter, code, type);
  const isNull = outside === null ? exact.isNull : refuseDecimal(emitter, outside, exact, type, strict);
  return decimalValue(emitter, type, code, isNull);
}

/** Text that is true for unscaled values with too many digits; null: a safe integer never has. */
function outsideText(emitter: Emitter, code: string, { precision }: DecimalType): string | null {
  const bound = powerText(emitter, precision);
  if (emitter.huge) return `${code}>=${bound}||${code}<=-${bound}`;
  return precision > maxPrecisionSafe ? null : `!(Math.abs(${code})<${bound})`;
}

function refuseDecimal(
  emitter: Emitter,
  outside: string,
  value: DecimalValue,
  type: DataType,
  strict: boolean,
): string | null {
  const { scale } = value.type as DecimalType;
  const show = (found: Unscaled) => formatDecimal(found, scale);
  return refuse(emitter, outside, value, value.code, type, strict, show);
}

/** An integer, which is a decimal of scale 0, or a decimal, as it is. */
function integerAsDecimal(emitter: Emitter, value: Numeric): DecimalValue {
  const { isNull } = value;
  if (value.type.kind === 'decimal') {
    assert(value.form !== 'pair', 'decimals are numbers or bigints');
    return value;
  }
  const type = asDecimalType(value.type)!;
  if (!emitter.huge) {
    if (value.form === 'pair') throw new UnsafeDecimal();
    return { ...value, type } as NumberValue;
  }
  // What a null leaves need not be an integer.
  const live = isNull === null ? '' : `${isNull}?0n:`;
  const text =
    value.form === 'pair'
      ? `(BigInt(${value.high})<<32n)|BigInt(${value.low})`
      : `BigInt(${(value as NumberValue).code})`;
  return decimalValue(emitter, type, emitter.local(`${live}${text}`), isNull);
}

/**
 * The float times 10^scale, rounded half away from zero; where that is beyond 2^53 and so has no exact digits left, the
 * decimal that the float is written as.
 */
function fromFloat(emitter: Emitter, value: NumberValue, type: DecimalType, strict: boolean): Emitted {
  const scaled = emitter.local(`${value.code}*${10 ** type.scale}`);
  const whole = emitter.local(`(${scaled}<0?-Math.round(-${scaled}):Math.round(${scaled}))+0`);
  // Written so that NaN is outside.
  const outside = `!(Math.abs(${whole})<${10 ** type.precision})`;
  const isNull = refuse(emitter, outside, value, value.code, type, strict);
  const live = isNull === null ? '' : `!${isNull}&&`;
  if (emitter.huge) {
    const written = emitter.bind((float: number, units: number) =>
      Number.isSafeInteger(units) ? BigInt(units) : parseDecimal(String(float), type)!,
    );
    const code = emitter.local(`${isNull === null ? '' : `${isNull}?0n:`}${written}(${value.code},${whole})`);
    return decimalValue(emitter, type, code, isNull);
  }
  if (type.precision > maxPrecisionSafe) {
    emitter.line(`if(${live}Math.abs(${whole})>9007199254740991)${emitter.bind(unsafeDecimal)}();`);
  }
  return decimalValue(emitter, type, whole, isNull);
}

function fromDecimal(emitter: Emitter, value: Numeric, type: DataType, strict: boolean): Emitted {
  assert(value.form !== 'pair', 'decimals are numbers or bigints');
  const { code, isNull } = value;
  const { scale } = value.type as DecimalType;
  if (type.kind === 'bool') return { form: 'bool', type, isNull, code: emitter.local(`${code}!=0`, 'b') };
  if (type.kind === 'float64' || type.kind === 'float32') {
    const plain = value.form === 'number' && scale <= 22;
    let float = `${emitter.bind(decimalToNumber)}(${code},${scale})`;
    if (plain) float = scale === 0 ? code : `${code}/${10 ** scale}`;
    const text = type.kind === 'float32' ? `Math.fround(${float})` : float;
    return { form: 'number', type, isNull, code: emitter.local(text) };
  }
  const bounds = castBounds[type.kind];
  assert(bounds !== undefined, () => `no cast to ${formatType(type)}`);
  const whole = scaledDown(emitter, value, scale, 'trunc');
  if (value.form === 'number') {
    const outside = `!(${whole}>=${bounds[0]}&&${whole}<${bounds[1]})`;
    return {
      form: 'number',
      type,
      isNull: refuseDecimal(emitter, outside, value, type, strict),
      code: whole,
    };
  }
  const [low, high] = bounds.map(bound => emitter.bind(BigInt(bound)));
  const outside = `!(${whole}>=${low}&&${whole}<${high})`;
  const refused = refuseDecimal(emitter, outside, value, type, strict);
  if (!isWide(type))
    return { form: 'number', type, isNull: refused, code: emitter.local(`Number(${whole})`) };
  return {
    form: 'pair',
    type,
    isNull: refused,
    high: emitter.local(`Number(${whole}>>32n)`, 'h'),
    low: emitter.local(`Number(${whole}&4294967295n)`, 'l'),
  };
}
