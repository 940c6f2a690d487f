import { nodeCrypto } from '../../core/base/on-demand.js';
import { rankEntries } from '../kernels/rank.js';
import type { Dictionary } from './column.js';
import { DistinctTexts } from './distinct-texts.js';
import { distinctEntries, isInterned, StringTable } from './string-table.js';

/** FNV-1a with a final mix, over UTF-8 bytes: the hash of a string everywhere in Volley. */
export function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let h = (to - from) | 0;
  for (let k = from; k < to; k++) h = Math.imul(h ^ bytes[k]!, 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** Entry i as a JavaScript string. */
export function entryText(dictionary: Dictionary, i: number): string {
  const { bytes, offsets } = dictionary;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(
    'utf8',
    offsets[i]!,
    offsets[i + 1]!,
  );
}

/** All entries as JavaScript strings. */
export function entryTexts(dictionary: Dictionary): string[] {
  const { bytes, offsets, length } = dictionary;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out: string[] = new Array(length);
  for (let i = 0; i < length; i++) out[i] = buffer.toString('utf8', offsets[i]!, offsets[i + 1]!);
  return out;
}

/** A dictionary of these strings and, for each of them, its code. */
export function dictionaryOf(texts: readonly string[]): { dictionary: Dictionary; codes: Int32Array } {
  const table = new StringTable(texts.length);
  const codes = new Int32Array(texts.length);
  for (let i = 0; i < texts.length; i++) codes[i] = table.internString(texts[i]!);
  return { dictionary: table.toDictionary(), codes };
}

/** Entries interned at a time where the event loop must turn: about 3 ms. */
const entriesPerStep = 32_768;

export interface Unified {
  readonly dictionary: Dictionary;
  /** New code of each old code, by input; null: unchanged. */
  readonly maps: readonly (Int32Array | null)[];
}

/** True when codes of one are codes of the other. */
export function sameDictionary(a: Dictionary, b: Dictionary): boolean {
  return a === b || (a.id !== undefined && a.id === b.id);
}

/** One dictionary for several: the first one's codes stay as they are when it has no duplicates. */
export function unify(dictionaries: readonly Dictionary[]): Unified {
  const steps = unifySteps(dictionaries);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/** As unify, yielding after so many entries. */
export function* unifySteps(dictionaries: readonly Dictionary[]): Generator<void, Unified> {
  const first = dictionaries.find(d => d.length > 0) ?? dictionaries[0]!;
  if (dictionaries.every(d => d.length === 0 || sameDictionary(d, first))) {
    return { dictionary: first, maps: dictionaries.map(() => null) };
  }
  const table = new DistinctTexts();
  const known = new Map<Dictionary | string, Int32Array | null>();
  const maps: (Int32Array | null)[] = [];
  for (const d of dictionaries) {
    let map = known.get(d.id ?? d);
    if (map === undefined) {
      const codes = new Int32Array(d.length);
      for (let at = 0; at < d.length; at += entriesPerStep) {
        table.internRange(d, at, Math.min(at + entriesPerStep, d.length), codes);
        yield;
      }
      map = codes.every((code, i) => code === i) ? null : codes;
      known.set(d.id ?? d, map);
    }
    maps.push(map);
  }
  const dictionary = table.toDictionary();
  table.close();
  return { dictionary, maps };
}

/**
 * One dictionary for all. Where there are nearly as many entries as rows, they are put one after another without looking
 * for equal ones: finding none would cost more than everything else.
 */
export function oneDictionary(dictionaries: readonly Dictionary[], rows: number): Unified {
  const different = [...new Set(dictionaries)];
  let entries = 0;
  let size = 0;
  for (const { length, offsets } of different) {
    entries += length;
    size += offsets[length]! - offsets[0]!;
  }
  const many = entries > Math.max(manyEntries, rows / 2) && size < 2 ** 31;
  if (different.length === 1 || !many) return unify(dictionaries);
  const offsets = new Int32Array(entries + 1);
  const bytes = new Uint8Array(size);
  const maps = new Map<Dictionary, Int32Array>();
  let at = 0;
  let end = 0;
  for (const dictionary of different) {
    maps.set(dictionary, appendEntries(dictionary, offsets, bytes, at, end));
    at += dictionary.length;
    end = offsets[at]!;
  }
  return {
    dictionary: { length: entries, offsets, bytes, repeats: true },
    maps: dictionaries.map(each => maps.get(each)!),
  };
}

/** Fewer are interned. */
export const manyEntries = 65_536;

/** Gives the new code of each entry. */
function appendEntries(
  dictionary: Dictionary,
  offsets: Int32Array,
  bytes: Uint8Array,
  at: number,
  end: number,
): Int32Array {
  const { length, offsets: from } = dictionary;
  const first = from[0]!;
  bytes.set(dictionary.bytes.subarray(first, from[length]!), end);
  const map = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    offsets[at + i + 1] = end + from[i + 1]! - first;
    map[i] = at + i;
  }
  return map;
}

/**
 * Only the entries that `codes` refer to, in old order; null when the dictionary stays: all are referenced, or it is
 * known by an id (so others have codes over it too) and either small beside the rows or a quarter of it is in use.
 * Null slots hold code 0, so entry 0 may stay without need. `codes` must be below dictionary.length.
 */
export function compact(
  dictionary: Dictionary,
  codes: Int32Array,
  rows: number,
): { dictionary: Dictionary; map: Int32Array } | null {
  const { length, offsets, bytes } = dictionary;
  const shared = dictionary.id !== undefined;
  if (shared && length * 4 + bytes.length <= rows) return null;
  const map = new Int32Array(length);
  for (let i = 0; i < rows; i++) map[codes[i]!] = 1;
  let kept = 0;
  let size = 0;
  for (let i = 0; i < length; i++) {
    if (map[i] === 0) continue;
    kept++;
    size += offsets[i + 1]! - offsets[i]!;
  }
  if (kept === length || (shared && kept * 4 >= length)) return null;
  const newOffsets = new Int32Array(kept + 1);
  const newBytes = new Uint8Array(size);
  let code = 0;
  let p = 0;
  for (let i = 0; i < length; i++) {
    if (map[i] === 0) continue;
    const from = offsets[i]!;
    const to = offsets[i + 1]!;
    if (to - from > 32) newBytes.set(bytes.subarray(from, to), p);
    else for (let k = from; k < to; k++) newBytes[p + k - from] = bytes[k]!;
    p += to - from;
    map[i] = code++;
    newOffsets[code] = p;
  }
  const smaller = { length: kept, offsets: newOffsets, bytes: newBytes };
  if (dictionary.repeats === true) return { dictionary: { ...smaller, repeats: true }, map };
  return { dictionary: areKnownDistinct(dictionary) ? distinctEntries(smaller) : smaller, map };
}

const rankCache = new WeakMap<Dictionary, Int32Array>();

/** Position of each entry in UTF-8 byte order: codes compare as their ranks. Equal entries share a rank. */
export function ranks(dictionary: Dictionary): Int32Array {
  const known = rankCache.get(dictionary);
  if (known !== undefined) return known;
  const out = rankEntries(dictionary);
  rankCache.set(dictionary, out);
  return out;
}

const hashCache = new WeakMap<Dictionary, Int32Array>();

/** Hash of each entry's bytes. */
export function entryHashes(dictionary: Dictionary): Int32Array {
  const known = hashCache.get(dictionary);
  if (known !== undefined) return known;
  const { length, offsets, bytes } = dictionary;
  const out = new Int32Array(length);
  for (let i = 0; i < length; i++) out[i] = hashBytes(bytes, offsets[i]!, offsets[i + 1]!);
  hashCache.set(dictionary, out);
  return out;
}

const distinct = new WeakMap<Dictionary, boolean>();

/** Without a look at them. */
function areKnownDistinct(dictionary: Dictionary): boolean {
  return dictionary.id !== undefined || isInterned(dictionary) || distinct.get(dictionary) === true;
}

/**
 * Known: no entry stands twice (what a function of an old dictionary gives may), which is found out once per dictionary. The
 * table of its entries, when one was made to know.
 */
export function distinctness(dictionary: Dictionary): {
  readonly known: boolean;
  readonly table: DistinctTexts | null;
} {
  if (areKnownDistinct(dictionary)) return { known: true, table: null };
  const known = distinct.get(dictionary);
  if (known !== undefined) return { known, table: null };
  const table = new DistinctTexts();
  table.internAll(dictionary);
  const are = table.length === dictionary.length;
  distinct.set(dictionary, are);
  return { known: are, table };
}

const idCache = new WeakMap<Dictionary, string>();
/** A dictionary with more entries than this share of its rows is seldom met again: no id is made for it. */
const entriesPerRow = 1 / 8;
/** Bytes up to which an id is made: a gigabyte a second. */
const idBytes = 16 * 1024 * 1024;

/** The content id: the one it has, or one made now; null when that would cost more than it saves, and where entries repeat. */
export function dictionaryId(dictionary: Dictionary, rows: number): string | null {
  if (dictionary.id !== undefined) return dictionary.id;
  if (dictionary.repeats === true) return null;
  const { length, bytes } = dictionary;
  if (length > rows * entriesPerRow || length * 4 + bytes.length > idBytes) return null;
  if (!distinctness(dictionary).known) return null;
  return contentId(dictionary);
}

/** 128 bits of SHA-256 over the entries: files are not trusted, so a cheaper hash could be made to collide. */
export function contentId(dictionary: Dictionary): string {
  let id = dictionary.id ?? idCache.get(dictionary);
  if (id !== undefined) return id;
  const { length, offsets, bytes } = dictionary;
  const first = offsets[0]!;
  // Offsets are hashed as they are; only those that begin at 0 are equal for equal entries, and all writers' do.
  id = nodeCrypto()
    .createHash('sha256')
    .update(new Uint8Array(offsets.buffer, offsets.byteOffset, (length + 1) * 4))
    .update(bytes.subarray(first, offsets[length]!))
    .digest('base64')
    .slice(0, 22);
  idCache.set(dictionary, id);
  return id;
}
