import type { Column, Dictionary } from '../../column/column.js';
import { dictionaryId } from '../../column/dictionary.js';
import { knownDictionary, rememberDictionary } from '../../column/dictionary-cache.js';
import { StringTable } from '../../column/string-table.js';

/** The entries that codes of a file stand for. */
export interface Entries {
  readonly column: Column;
  /** Of text: distinct entries; null: the values of the column take the places of the codes. */
  readonly dictionary: Dictionary | null;
  /** The code in `dictionary` of each entry; null: they are the same. */
  readonly map: Int32Array | null;
}

/** `rows`: of the batch, to judge whether the dictionary is worth an id. */
export function entriesOf(column: Column, rows: number): Entries {
  const { type, values, dictionary: found, length, nullCount } = column;
  if (found === null || nullCount > 0 || (type.kind !== 'utf8' && type.kind !== 'binary')) {
    return { column, dictionary: null, map: null };
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
  return { column, dictionary, map: map.every((code, i) => code === i) ? null : map };
}
