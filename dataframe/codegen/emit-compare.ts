import { assert } from '../../core/base/assert.js';
import type { Dictionary } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { ranks, unify } from '../column/dictionary.js';
import { StringTable } from '../column/string-table.js';
import type { CallNode } from './emit.js';
import { emit } from './emit.js';
import { alignedDecimals } from './emit-decimal.js';
import {
  anyNull,
  type BoolValue,
  type Emitted,
  type Emitter,
  type NumberValue,
  type PairValue,
  type TextValue,
} from './emitter.js';
import { toPair } from './wide.js';

type Comparison = 'eq' | 'neq' | 'gt' | 'gtEq' | 'lt' | 'ltEq';

const operators: Readonly<Record<Comparison, string>> = {
  eq: '===',
  neq: '!==',
  gt: '>',
  gtEq: '>=',
  lt: '<',
  ltEq: '<=',
};

export function emitCompare(emitter: Emitter, node: CallNode): Emitted {
  const fn = node.fn as Comparison;
  const a = emit(emitter, node.args[0]!);
  const b = emit(emitter, node.args[1]!);
  const type = DataType.Bool;
  if (a.form === 'null' || b.form === 'null') return { form: 'null', type, isNull: 'true' };
  const isNull = anyNull(emitter, a.isNull, b.isNull);
  return { form: 'bool', type, isNull, code: emitter.local(comparison(emitter, fn, a, b), 'b') };
}

function comparison(emitter: Emitter, fn: Comparison, a: Emitted, b: Emitted): string {
  if (a.form === 'text' && b.form === 'text') return compareText(emitter, fn, a, b);
  if (a.form === 'bool' && b.form === 'bool') {
    if (fn === 'eq' || fn === 'neq') return `${a.code}${operators[fn]}${b.code}`;
    return `(${a.code}?1:0)${operators[fn]}(${b.code}?1:0)`;
  }
  if (a.type.kind === 'decimal') {
    const [x, y] = alignedDecimals(emitter, a, b);
    return `${x}${operators[fn]}${y}`;
  }
  assert(a.form === 'number' || a.form === 'pair', () => `comparison of a ${a.form}`);
  assert(b.form === 'number' || b.form === 'pair', () => `comparison with a ${b.form}`);
  if (a.form === 'pair' || b.form === 'pair') {
    return comparePairs(fn, toPair(emitter, a), toPair(emitter, b));
  }
  const float = a.type.kind === 'float64' || a.type.kind === 'float32';
  return float ? compareFloats(fn, a, b) : `${a.code}${operators[fn]}${b.code}`;
}

function comparePairs(fn: Comparison, a: PairValue, b: PairValue): string {
  if (fn === 'eq') return `${a.high}===${b.high}&&${a.low}===${b.low}`;
  if (fn === 'neq') return `${a.high}!==${b.high}||${a.low}!==${b.low}`;
  const strict = fn === 'gt' || fn === 'gtEq' ? '>' : '<';
  return `${a.high}${strict}${b.high}||(${a.high}===${b.high}&&${a.low}${operators[fn]}${b.low})`;
}

/** NaN equals NaN and is above every number. A constant that is no NaN needs half of the tests. */
function compareFloats(fn: Comparison, a: NumberValue, b: NumberValue): string {
  const x = a.code;
  const y = b.code;
  const plainA = a.constant !== undefined && !Number.isNaN(a.constant);
  const plainB = b.constant !== undefined && !Number.isNaN(b.constant);
  const nanA = `${x}!==${x}`;
  const nanB = `${y}!==${y}`;
  switch (fn) {
    case 'eq':
      return plainA || plainB ? `${x}===${y}` : `${x}===${y}||(${nanA}&&${nanB})`;
    case 'neq':
      return plainA || plainB ? `${x}!==${y}` : `${x}!==${y}&&(${x}===${x}||${y}===${y})`;
    case 'lt':
      return plainB ? `${x}<${y}` : `${x}<${y}||(${nanB}&&${x}===${x})`;
    case 'ltEq':
      return plainB ? `${x}<=${y}` : `${x}<=${y}||${nanB}`;
    case 'gt':
      return plainA ? `${x}>${y}` : `${x}>${y}||(${nanA}&&${y}===${y})`;
    default:
      return plainA ? `${x}>=${y}` : `${x}>=${y}||${nanA}`;
  }
}

/** Equality compares codes of one dictionary for both sides, order compares ranks in it. */
function compareText(emitter: Emitter, fn: Comparison, a: TextValue, b: TextValue): string {
  if (fn === 'eq' || fn === 'neq') {
    const single = b.code === '0' && b.dictionary.length === 1 ? b : null;
    if (single !== null)
      return `${a.code}${operators[fn]}${emitter.bind(codeIn(a.dictionary, b.dictionary))}`;
    const [x, y] = sharedCodes(emitter, a, b, false);
    return `${x}${operators[fn]}${y}`;
  }
  const [x, y] = sharedCodes(emitter, a, b, true);
  return `${x}${operators[fn]}${y}`;
}

/** The code of entry 0 of `needle` in `dictionary`, or -1. */
function codeIn(dictionary: Dictionary, needle: Dictionary): number {
  const { offsets, bytes, length } = dictionary;
  const size = needle.offsets[1]! - needle.offsets[0]!;
  for (let i = 0; i < length; i++) {
    const from = offsets[i]!;
    if (offsets[i + 1]! - from !== size) continue;
    let k = 0;
    while (k < size && bytes[from + k] === needle.bytes[needle.offsets[0]! + k]) k++;
    if (k === size) return i;
  }
  return -1;
}

function sharedCodes(emitter: Emitter, a: TextValue, b: TextValue, ordered: boolean): [string, string] {
  const { dictionary, maps } = unify([a.dictionary, b.dictionary]);
  const rank = ordered ? ranks(dictionary) : null;
  const through = (value: TextValue, map: Int32Array | null): string => {
    const table = composed(map, rank);
    return table === null ? value.code : emitter.local(`${emitter.bind(table)}[${value.code}]`, 's');
  };
  return [through(a, maps[0]!), through(b, maps[1]!)];
}

function composed(map: Int32Array | null, rank: Int32Array | null): Int32Array | null {
  if (map === null || map.length === 0) return rank?.length === 0 ? null : rank;
  return rank === null ? map : map.map(code => rank[code]!);
}

/** Null in, null out; NaN is found by NaN. */
export function emitIsIn(emitter: Emitter, node: CallNode): Emitted {
  const value = emit(emitter, node.args[0]!);
  const values = (node.params?.values ?? []) as readonly (boolean | number | bigint | string)[];
  const type = DataType.Bool;
  const result = (text: string): BoolValue => ({
    form: 'bool',
    type,
    isNull: value.isNull,
    code: emitter.local(text, 'b'),
  });
  switch (value.form) {
    case 'null':
      return { form: 'null', type, isNull: 'true' };
    case 'bool': {
      const [yes, no] = [values.includes(true), values.includes(false)];
      return result(yes ? (no ? 'true' : value.code) : no ? `!${value.code}` : 'false');
    }
    case 'text':
      return result(`${emitter.bind(membership(value.dictionary, values))}[${value.code}]===1`);
    case 'pair': {
      const lows = emitter.bind(lowsByHigh(values.map(BigInt), value.type.kind === 'uint64'));
      return result(`${lows}.get(${value.high})?.has(${value.low})===true`);
    }
    case 'big':
      return result(`${emitter.bind(new Set(values.map(BigInt)))}.has(${value.code})`);
    default: {
      const numbers = values.map(Number);
      const plain = numbers.every(v => Number.isFinite(v));
      if (plain && numbers.length <= 8) {
        const tests = numbers.map(v => `${value.code}===${v < 0 ? `(${v})` : v}`);
        return result(tests.length === 0 ? 'false' : tests.join('||'));
      }
      return result(`${emitter.bind(new Set(numbers))}.has(${value.code})`);
    }
  }
}

/** Low words of 64-bit integers by their high word: nothing is allocated per row. */
function lowsByHigh(values: readonly bigint[], unsigned: boolean): Map<number, Set<number>> {
  const out = new Map<number, Set<number>>();
  for (const value of values) {
    const signed = Number(BigInt.asIntN(32, value >> 32n));
    const high = unsigned ? signed >>> 0 : signed;
    const lows = out.get(high) ?? new Set();
    out.set(high, lows.add(Number(BigInt.asUintN(32, value))));
  }
  return out;
}

function membership(dictionary: Dictionary, values: readonly unknown[]): Uint8Array {
  const wanted = new StringTable(values.length);
  for (const value of values) wanted.internString(String(value));
  const out = new Uint8Array(Math.max(1, dictionary.length));
  const { offsets, bytes } = dictionary;
  for (let i = 0; i < dictionary.length; i++) {
    out[i] = wanted.find(bytes, offsets[i]!, offsets[i + 1]!) < 0 ? 0 : 1;
  }
  return out;
}
