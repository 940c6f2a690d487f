import type { Column, Dictionary, Physical } from '../column/column.js';
import { isWide } from '../column/layout.js';
import { StringTable } from '../column/string-table.js';

/** How the table of a join reads one key column. Plain data: stored beside the table. */
export interface KeyShape {
  /** Cell of a value in a dense table: (value - base) * stride; only values in [base, base + size) have one. */
  readonly base: number;
  readonly size: number;
  readonly stride: number;
  /** Every value of the build side is an int32: one word says all, and what does not fit matches nothing. */
  readonly narrow: boolean;
}

/** Text of one row's key, for loops over `i` that leave the block L when the row can match nothing. */
export interface KeyText {
  /** Declares what the loop reads. */
  readonly head: string;
  readonly body: string;
  /** Bound to P[0], P[1] …, in order. */
  readonly bound: readonly unknown[];
}

const scratch = new Float64Array(1);
const bits = { value: scratch, words: new Int32Array(scratch.buffer) };

/** Words that tell values of this column apart. */
export function wordsOfKey(column: Column, shape: KeyShape): 1 | 2 {
  const { type } = column;
  if (isWide(type)) return shape.narrow ? 1 : 2;
  return type.kind === 'float64' || type.kind === 'float32' ? 2 : 1;
}

/** A value of a 64-bit integer stored as two words, as a number: exact while it is a safe integer. */
function pairText(k: number, unsigned: boolean): string {
  return `(v${k}[2*i+1]${unsigned ? '>>>0' : ''})*4294967296+(v${k}[2*i]>>>0)`;
}

/** Sets d0, d1 … and leaves where they are outside of the table; then `c` is the cell. */
function denseKey(column: Column, k: number, mapped: boolean): string {
  const { physical, type } = column;
  if (physical === 'code') {
    return `const d${k}=${mapped ? `m${k}[v${k}[i]]` : `v${k}[i]`}-b${k}>>>0;if(d${k}>=z${k})break;`;
  }
  if (physical === 'f64' || physical === 'i64') {
    const value = physical === 'i64' ? pairText(k, type.kind === 'uint64') : `v${k}[i]`;
    return `const e${k}=${value}-b${k};if(!(e${k}>=0&&e${k}<z${k}))break;const d${k}=e${k}|0;`;
  }
  // Wraps at 2^32, which no range of 32-bit values can meet again.
  return `const d${k}=v${k}[i]-b${k}>>>0;if(d${k}>=z${k})break;`;
}

/** Declares the words a{w}, a{w+1} of key k. */
function wordKey(column: Column, shape: KeyShape, k: number, w: number, mapped: boolean): string {
  const { physical, type } = column;
  const two = (low: string, high: string) => `const a${w}=${low},a${w + 1}=${high};`;
  if (physical === 'code') return `const a${w}=${mapped ? `m${k}[v${k}[i]]` : `v${k}[i]`};`;
  if (physical === 'i64') {
    if (!shape.narrow) return two(`v${k}[2*i]`, `v${k}[2*i+1]`);
    return `const a${w}=v${k}[2*i];if(v${k}[2*i+1]!==a${w}>>31)break;`;
  }
  if (isWide(type)) {
    if (shape.narrow) return `const x${k}=v${k}[i],a${w}=x${k}|0;if(a${w}!==x${k})break;`;
    return `const x${k}=v${k}[i];${two(`x${k}|0`, `Math.floor(x${k}/4294967296)|0`)}`;
  }
  if (physical === 'f64' || physical === 'f32') {
    return `const x${k}=v${k}[i];B.value[0]=x${k}===0?0:x${k}!==x${k}?NaN:x${k};${two('B.words[0]', 'B.words[1]')}`;
  }
  return `const a${w}=v${k}[i]|0;`;
}

/** The key of row i: its cell `c` in a dense table, or its words a0, a1 … Breaks out of the loop around it where there is none. */
export function keyText(
  keys: readonly Column[],
  shapes: readonly KeyShape[],
  dense: boolean,
  maps: readonly (Int32Array | null)[],
): KeyText {
  const bound: unknown[] = [];
  let head = '';
  let body = '';
  const bind = (name: string, value: unknown) => {
    head += `const ${name}=P[${bound.length}];`;
    bound.push(value);
  };
  let w = 0;
  bind('B', bits);
  keys.forEach((column, k) => {
    const shape = shapes[k]!;
    const map = maps[k] ?? null;
    bind(`v${k}`, column.values);
    if (map !== null) bind(`m${k}`, map);
    if (dense) {
      bind(`b${k}`, shape.base);
      bind(`z${k}`, shape.size);
      if (k > 0) bind(`t${k}`, shape.stride);
    }
    if (column.validity !== null) {
      bind(`n${k}`, column.validity);
      body += `if(((n${k}[i>>3]>>(i&7))&1)===0)break;`;
    }
    body += `/*${column.physical}*/`;
    body += dense ? denseKey(column, k, map !== null) : wordKey(column, shape, k, w, map !== null);
    w += wordsOfKey(column, shape);
  });
  if (dense) body += `const c=d0${keys.map((_, k) => (k === 0 ? '' : `+d${k}*t${k}`)).join('')};`;
  return { head, body, bound };
}

const tables = new WeakMap<Dictionary, StringTable>();
const translations = new WeakMap<Dictionary, WeakMap<Dictionary, Int32Array>>();

/** Codes of `to` by code of `from`, -1 where it has no such entry; null: the codes are the same. */
export function translateCodes(from: Dictionary, to: Dictionary): Int32Array | null {
  if (from === to || (from.id !== undefined && from.id === to.id)) return null;
  let known = translations.get(to);
  if (known === undefined) translations.set(to, (known = new WeakMap()));
  let map = known.get(from);
  if (map !== undefined) return map;
  let table = tables.get(to);
  if (table === undefined) {
    table = new StringTable(to.length, to.bytes.length);
    table.internAll(to);
    tables.set(to, table);
  }
  const { offsets, bytes, length } = from;
  map = new Int32Array(Math.max(1, length)).fill(-1);
  for (let i = 0; i < length; i++) map[i] = table.find(bytes, offsets[i]!, offsets[i + 1]!);
  known.set(from, map);
  return map;
}

/** Physical forms whose values are integers that a dense table may index. */
export function isIndexable(column: Column): boolean {
  const { physical, type } = column;
  const small: readonly Physical[] = ['bool', 'i8', 'u8', 'i16', 'u16', 'i32', 'u32', 'code'];
  return small.includes(physical) || (physical === 'f64' && isWide(type));
}
