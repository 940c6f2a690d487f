import { compile } from '../codegen/compile.js';
import type { Batch, Column, Values } from '../column/column.js';
import { ranks } from '../column/dictionary.js';
import { columnOf } from '../column/layout.js';
import { rangeOf } from '../column/range.js';
import type { SortKey } from '../physical/fragment.js';
import { alike, compactColumn, widen } from './concat.js';
import type { Lent } from './lent.js';
import { codePlaces, referencePlaces } from './sort-places.js';

/**
 * All keys of a row as one unsigned number, most significant bits first, cut into words: rows compare like their
 * words. Order is numbers < NaN < null unless a key tells otherwise; −0 equals 0, text goes by UTF-8 bytes.
 */
export interface SortWords {
  /** By batch, then by word. Without any word all rows are equal. */
  readonly words: readonly (readonly Uint32Array[])[];
  /** Bits in use of each word: 32, the last one's fewer. A word is below 2^bits. */
  readonly bits: readonly number[];
}

/** How one key is read: the same for all batches, but for what it is read from. */
interface KeyCode {
  readonly tag: string;
  /** Text that sets what the parts need, for row i of `v`. */
  readonly before: string;
  readonly parts: readonly { readonly bits: number; readonly text: string }[];
  /** c0, c1 … in the text. */
  readonly constants: readonly number[];
  readonly sources: readonly Source[];
}

interface Source {
  readonly values: Values;
  /** What codes stand for. */
  readonly table: Int32Array | null;
  readonly validity: Uint8Array | null;
}

/**
 * Words of the rows of every batch, in lent memory, comparable with each other. With `reference` the last batch is one of few rows and
 * only comparisons with its rows hold: text is placed between its texts, which spares ranking all of it.
 */
export function sortWords(
  batches: readonly Batch[],
  by: readonly SortKey[],
  lent: Lent,
  reference = false,
): SortWords {
  const keys = by.flatMap(key => {
    const columns = batches.map(batch => columnOf(batch, key.column));
    return keyCode(alike(reference ? columns : columns.map(compactColumn)), key, reference) ?? [];
  });
  const total = keys.reduce((sum, { parts }) => parts.reduce((s, { bits }) => s + bits, sum), 0);
  const bits = Array.from({ length: Math.ceil(total / 32) }, (_, w) => Math.min(32, total - 32 * w));
  const words = batches.map(({ rows }) => bits.map(() => lent.words(rows)));
  let used = 0;
  for (const key of keys) {
    batches.forEach(({ rows }, b) => {
      writeKey(key, key.sources[b]!, words[b]!, used, rows);
    });
    for (const part of key.parts) used += part.bits;
  }
  return { words, bits };
}

type WriteKey = (
  v: Values,
  t: Int32Array | null,
  m: Uint8Array | null,
  c: readonly number[],
  words: readonly Uint32Array[],
  rows: number,
) => void;

/** Writes the parts of one key behind the first `used` bits of each row's number. */
function writeKey(
  key: KeyCode,
  source: Source,
  words: readonly Uint32Array[],
  used: number,
  rows: number,
): void {
  const constants = [...key.constants];
  const constant = (value: number) => `c${constants.push(value) - 1}`;
  const touched = new Set<number>();
  let body = '';
  key.parts.forEach(({ bits, text }, k) => {
    const word = used >>> 5;
    const taken = used & 31;
    const free = 32 - taken;
    touched.add(word);
    body += `const x${k}=${text};`;
    if (bits <= free)
      body += taken === 0 ? `w${word}[i]=x${k};` : `w${word}[i]=(w${word}[i]<<${constant(bits)})|x${k};`;
    else {
      const below = bits - free;
      touched.add(word + 1);
      body += `w${word}[i]=(w${word}[i]<<${constant(free)})|(x${k}>>>${constant(below)});`;
      body += `w${word + 1}[i]=x${k}&${constant(2 ** below - 1)};`;
    }
    used += bits;
  });
  const isNull = source.validity === null ? 'false' : '((m[i>>3]>>(i&7))&1)===0';
  const outs = [...touched].map(w => `const w${w}=words[${w}];`).join('');
  const named = constants.map((_, k) => `const c${k}=c[${k}];`).join('');
  compile<WriteKey>(
    ['v', 't', 'm', 'c', 'words', 'rows'],
    `/* sort words ${key.tag} */${named}${outs}for(let i=0;i<rows;i++){const n=${isNull};${key.before}${body}}`,
  )(source.values, source.table, source.validity, constants, words, rows);
}

/** Null when the key tells no rows apart. */
function keyCode(columns: readonly Column[], key: SortKey, reference: boolean): KeyCode | null {
  const first = columns[0]!;
  const filled = columns.filter(column => column.length > 0);
  if (first.type.kind === 'null' || filled.length === 0) return null;
  const nullable = columns.some(({ validity }) => validity !== null);
  const code = first.type.kind === 'float64' || first.type.kind === 'float32' ? floatCode : integerCode;
  const made = code(columns, filled, key, nullable, reference);
  return { ...made, parts: made.parts.filter(({ bits }) => bits > 0) };
}

function bitsOf(most: number): number {
  return 32 - Math.clz32(most);
}

function plainSource({ values, validity }: Column): Source {
  return { values, table: null, validity };
}

/** A part of values in [min, max], no more than 2^32 of them, with null before or behind them. Constants c0, c1. */
function spread(
  text: string,
  min: number,
  max: number,
  { descending, nullsLast }: SortKey,
  nullable: boolean,
): { parts: KeyCode['parts']; constants: readonly number[] } {
  const range = max - min;
  const inBand = nullable && range < 2 ** 32 - 1;
  const before = inBand && !nullsLast ? 1 : 0;
  const value = descending ? `(c0-${text})>>>0` : `(${text}-c0)>>>0`;
  const base = descending ? max + before : min - before;
  if (inBand) {
    const part = { bits: bitsOf(range + 1), text: `n?c1:${value}` };
    return { parts: [part], constants: [base, nullsLast ? range + 1 : 0] };
  }
  const apart = nullable ? [{ bits: 1, text: nullsLast ? 'n?1:0' : 'n?0:1' }] : [];
  return { parts: [...apart, { bits: bitsOf(range), text: value }], constants: [base] };
}

function integerCode(
  columns: readonly Column[],
  filled: readonly Column[],
  key: SortKey,
  nullable: boolean,
  reference: boolean,
): KeyCode {
  const { physical, type } = filled[0]!;
  if (physical === 'code') return textCode(columns, key, nullable, reference);
  if (physical === 'bool') {
    const { parts, constants } = spread('v[i]', 0, 1, key, nullable);
    return { tag: 'bool', before: '', parts, constants, sources: columns.map(plainSource) };
  }
  if (columns.some(column => column.physical === 'i64')) {
    return pairCode(columns, filled, key, nullable, type.kind === 'uint64');
  }
  const ranges = filled.map(column => rangeOf(column)!);
  const min = Math.min(...ranges.map(range => range.min));
  const max = Math.max(...ranges.map(range => range.max));
  const sources = columns.map(plainSource);
  if (max - min < 2 ** 32) {
    const { parts, constants } = spread('v[i]', min, max, key, nullable);
    return { tag: `${physical} ${key.descending}`, before: '', parts, constants, sources };
  }
  const two32 = 2 ** 32;
  const high = spread('h', Math.floor(min / two32), Math.floor(max / two32), key, nullable);
  const low = key.descending ? '(~x)>>>0' : 'x>>>0';
  return {
    tag: `wide ${key.descending}`,
    before: 'const x=v[i],h=Math.floor(x/4294967296);',
    parts: [...high.parts, { bits: 32, text: low }],
    constants: high.constants,
    sources,
  };
}

/** Columns over dictionaries: a code's rank, or with `reference` its place between the reference texts. */
function textCode(columns: readonly Column[], key: SortKey, nullable: boolean, reference: boolean): KeyCode {
  let most: number;
  let tables: Int32Array[];
  if (reference) {
    const texts = columns.at(-1)!.dictionary!;
    tables = columns.map((column, k) =>
      k < columns.length - 1 ? codePlaces(column.dictionary!, texts) : referencePlaces(texts),
    );
    most = 2 * texts.length;
  } else {
    // Of several columns the first one's caller has unified the dictionaries.
    tables = columns.map(column => ranks(column.dictionary!));
    most = Math.max(0, columns[0]!.dictionary!.length - 1);
  }
  const { parts, constants } = spread('t[v[i]]', 0, most, key, nullable);
  const sources = columns.map(({ values, validity }, k) => ({ values, table: tables[k]!, validity }));
  return { tag: 'code', before: '', parts, constants, sources };
}

/** 64-bit integers some of which are pairs of words. */
function pairCode(
  columns: readonly Column[],
  filled: readonly Column[],
  key: SortKey,
  nullable: boolean,
  unsigned: boolean,
): KeyCode {
  const wide = (column: Column) => (column.physical === 'i64' ? column : widen(column));
  let min = Infinity;
  let max = -Infinity;
  for (const column of filled) {
    const words = wide(column).values;
    for (let i = 1; i < words.length; i += 2) {
      const high = unsigned ? words[i]! >>> 0 : words[i]!;
      if (high < min) min = high;
      if (high > max) max = high;
    }
  }
  const high = spread(unsigned ? '(v[2*i+1]>>>0)' : 'v[2*i+1]', min, max, key, nullable);
  return {
    tag: `pair ${unsigned} ${key.descending}`,
    before: '',
    parts: [...high.parts, { bits: 32, text: key.descending ? '(~v[2*i])>>>0' : 'v[2*i]>>>0' }],
    constants: high.constants,
    sources: columns.map(column => plainSource(wide(column))),
  };
}

/** −0 is 0, every NaN one NaN, above Infinity; bits made to compare as unsigned numbers. */
const doubleText =
  'let l=v[2*i],h=v[2*i+1];const z=h&0x7fffffff;if(z===0&&l===0)h=0;else if(z>0x7ff00000||(z===0x7ff00000&&l!==0)){h=0x7ff80000;l=0}const s=h>>31;h=(h^(s|0x80000000))>>>0;';
const singleText =
  'let h=v[i];const z=h&0x7fffffff;if(z===0)h=0;else if(z>0x7f800000)h=0x7fc00000;h=(h^((h>>31)|0x80000000))>>>0;';

type FloatBounds = (v: Uint32Array, rows: number, out: Float64Array) => void;
/** Bounds of the high words, and which bits of the low ones are ever set. */
const floatBounds = (before: string, low: string) =>
  `let a=out[0],b=out[1],o=out[2]|0;for(let i=0;i<rows;i++){${before}if(h<a)a=h;if(h>b)b=h;o|=${low};}out[0]=a;out[1]=b;out[2]=o;`;

function floatCode(
  columns: readonly Column[],
  filled: readonly Column[],
  key: SortKey,
  nullable: boolean,
): KeyCode {
  const isDouble = filled[0]!.physical === 'f64';
  const before = isDouble ? doubleText : singleText;
  const bounds = compile<FloatBounds>(['v', 'rows', 'out'], floatBounds(before, isDouble ? 'l' : '0'));
  const found = Float64Array.of(Infinity, -Infinity, 0);
  for (const column of filled) bounds(bitsView(column), column.length, found);
  const [min, max, set] = found as unknown as [number, number, number];
  const high = spread('h', min, max, key, nullable);
  const sources = columns.map(column => ({ ...plainSource(column), values: bitsView(column) }));
  const tag = `${isDouble ? 'f64' : 'f32'} ${key.descending}`;
  if (set === 0) return { tag, before, parts: high.parts, constants: high.constants, sources };
  // Low bits that are never set (whole numbers, floats made of singles) tell no rows apart.
  const unset = 31 - Math.clz32(set & -set);
  const shift = `c${high.constants.length}`;
  const low = { bits: 32 - unset, text: `(l^s${key.descending ? '^-1' : ''})>>>${shift}` };
  return {
    tag,
    before,
    parts: [...high.parts, low],
    constants: [...high.constants, unset],
    sources,
  };
}

function bitsView({ values }: Column): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);
}
