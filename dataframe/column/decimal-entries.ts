import type { Column, Dictionary } from './column.js';
import type { Unscaled } from './decimal.js';

/**
 * Dictionaries of 128-bit integers: 16 bytes each, the most significant first, with the sign bit turned round. Bytes
 * then compare like the values, so that what sorts, groups and joins text by dictionary does so with huge decimals.
 */
export const entryBytes = 16;

const two32 = 4294967296;
const scratch = new DataView(new ArrayBuffer(entryBytes));
/** What the turned sign bit adds. */
const bias = 1n << 127n;

/** Writes the entry of an integer given as four words, the least significant first. */
export function writeEntry(
  out: Uint8Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): void {
  writeWord(out, at, w3 ^ 0x80000000);
  writeWord(out, at + 4, w2);
  writeWord(out, at + 8, w1);
  writeWord(out, at + 12, w0);
}

function writeWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}

/** Writes the entry of a safe integer. */
export function writeNumberEntry(out: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / two32);
  const sign = value < 0 ? -1 : 0;
  writeEntry(out, at, value | 0, high, sign, sign);
}

/** Writes the entry of an integer of at most 128 bits. */
export function writeBigEntry(out: Uint8Array, at: number, value: bigint): void {
  scratch.setBigInt64(0, BigInt.asIntN(64, value >> 64n));
  scratch.setBigUint64(8, BigInt.asUintN(64, value));
  for (let k = 0; k < entryBytes; k++) out[at + k] = scratch.getUint8(k);
  out[at]! ^= 0x80;
}

/** Word k of entry i, the least significant first, as an int32. */
export function entryWord({ bytes, offsets }: Dictionary, i: number, k: number): number {
  const at = offsets[i]! + 12 - 4 * k;
  const word = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return k === 3 ? word ^ 0x80000000 : word;
}

const values = new WeakMap<Dictionary, readonly bigint[]>();

/** The integers of a dictionary; one 0 where it has no entry, which only nulls refer to. */
export function entryValues(dictionary: Dictionary): readonly bigint[] {
  let known = values.get(dictionary);
  if (known !== undefined) return known;
  const { bytes, offsets, length } = dictionary;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: bigint[] = new Array(length);
  for (let i = 0; i < length; i++) {
    const at = offsets[i]!;
    out[i] = ((view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8)) - bias;
  }
  known = out.length === 0 ? [0n] : out;
  values.set(dictionary, known);
  return known;
}

/**
 * Where decimals beyond 2^53 are cut for sums. What is above is an exact number; what is below adds up exactly over all
 * rows a slab can have (2^27) in two numbers of 106 bits, as long as the lower one is kept below the last place of the
 * upper.
 */
export const hugeShift = 74;

/** The integers of a dictionary as above * 2^hugeShift + middle + below, each an exact number. */
export function entryParts(dictionary: Dictionary) {
  const length = Math.max(1, dictionary.length);
  const above = new Float64Array(length);
  const middle = new Float64Array(length);
  const below = new Float64Array(length);
  for (let i = 0; i < dictionary.length; i++) {
    const w2 = entryWord(dictionary, i, 2);
    above[i] = entryWord(dictionary, i, 3) * 2 ** 22 + (w2 >>> 10);
    middle[i] = ((w2 & 1023) * two32 + (entryWord(dictionary, i, 1) >>> 0)) * two32;
    below[i] = entryWord(dictionary, i, 0) >>> 0;
  }
  return { above, middle, below };
}

/** Reads a decimal column row by row; rows that are null give 0. */
export function unscaledReader(column: Column): (row: number) => Unscaled {
  const { physical, values: raw } = column;
  if (physical === 'f64') return row => raw[row]!;
  if (physical === 'i64') {
    return row => (BigInt(raw[2 * row + 1]!) << 32n) | BigInt(raw[2 * row]! >>> 0);
  }
  const entries = entryValues(column.dictionary!);
  return row => entries[raw[row]!]!;
}

/**
 * What a writer of files takes: the unscaled values as 128-bit integers, four words a row, the least significant first
 * (Arrow's Decimal128). Null rows hold 0.
 */
export function decimalWords(column: Column): Int32Array {
  const { physical, values: raw, length } = column;
  const out = new Int32Array(4 * length);
  if (physical === 'code') {
    const dictionary = column.dictionary!;
    if (dictionary.length === 0) return out;
    const words = [0, 1, 2, 3].map(k =>
      Int32Array.from({ length: dictionary.length }, (_, i) => entryWord(dictionary, i, k)),
    );
    const { validity } = column;
    for (let i = 0; i < length; i++) {
      if (validity !== null && ((validity[i >> 3]! >> (i & 7)) & 1) === 0) continue;
      for (let k = 0; k < 4; k++) out[4 * i + k] = words[k]![raw[i]!]!;
    }
    return out;
  }
  for (let i = 0; i < length; i++) {
    const pair = physical === 'i64';
    const low = pair ? raw[2 * i]! : raw[i]! | 0;
    const high = pair ? raw[2 * i + 1]! : Math.floor(raw[i]! / two32);
    out[4 * i] = low;
    out[4 * i + 1] = high;
    out[4 * i + 2] = out[4 * i + 3] = high < 0 ? -1 : 0;
  }
  return out;
}
