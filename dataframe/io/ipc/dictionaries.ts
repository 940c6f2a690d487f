import { limits } from '../../../core/base/limits.js';
import type { Column, Dictionary } from '../../column/column.js';
import { dictionaryId } from '../../column/dictionary.js';
import { knownDictionary, rememberDictionary } from '../../column/dictionary-cache.js';
import { StringTable } from '../../column/string-table.js';

/** The entries that codes of a file stand for. */
export type Entries = TextEntries | OtherEntries;

/** Text without nulls. */
export interface TextEntries {
  readonly length: number;
  /** Distinct entries. */
  readonly dictionary: Dictionary;
  /** The code in `dictionary` of each entry; null: they are the same. */
  readonly map: Int32Array | null;
}

/** Their values take the places of the codes. */
export interface OtherEntries {
  readonly length: number;
  readonly dictionary: null;
  readonly column: Column;
}

/** `rows`: of the batch, to judge whether the dictionary is worth an id. */
export function entriesOf(column: Column, rows: number): Entries {
  const { type, values, dictionary: found, length, nullCount } = column;
  if (found === null || nullCount > 0 || (type.kind !== 'utf8' && type.kind !== 'binary')) {
    return { length, column, dictionary: null };
  }
  // Files may hold an entry twice.
  const table = new StringTable(length);
  const interned = table.internAll(found);
  const map = Int32Array.from(values, code => interned[code]!);
  const plain = table.toDictionary();
  const id = dictionaryId(plain, rows);
  let dictionary = plain;
  if (id !== null) {
    dictionary =
      knownDictionary(id, plain.length, plain.bytes.length, null) ??
      rememberDictionary({ ...plain, id }, null);
  }
  return { length, dictionary, map: map.every((code, i) => code === i) ? null : map };
}

/** Text of this thread's last files, by file, stamp and place: each task of a scan needs the same. */
const kept = new Map<string, TextEntries>();
let keptBytes = 0;

const bytesOf = ({ dictionary, map }: TextEntries) =>
  dictionary.bytes.length + dictionary.offsets.byteLength + (map?.byteLength ?? 0);

/** `key` names a place in a file that has not changed. */
export function keptEntries(key: string): TextEntries | null {
  return kept.get(key) ?? null;
}

export function keepEntries(key: string, made: Entries): void {
  if (made.dictionary === null || kept.has(key) || bytesOf(made) > limits.cachedDictionaryBytes) return;
  kept.set(key, made);
  keptBytes += bytesOf(made);
  for (const [oldest, entries] of kept) {
    if (keptBytes <= limits.dictionaryCacheBytes) break;
    kept.delete(oldest);
    keptBytes -= bytesOf(entries);
  }
}
