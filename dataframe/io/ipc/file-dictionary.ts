import { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import { isValid } from '../../column/bitmap.js';
import type { Column, Dictionary } from '../../column/column.js';
import { DataType, type Field } from '../../column/datatype.js';
import { sameDictionary } from '../../column/dictionary.js';
import { StringTable } from '../../column/string-table.js';
import { columnNotFound } from '../../expr/nearest.js';

/** The one dictionary that a column of text has in a file: it grows from batch to batch, and is written behind all of them. */
export class FileDictionary {
  readonly #name: string;
  readonly #budget: number;
  readonly #table = new StringTable();
  /** The last batch's, which the next one often has again. */
  #last: Dictionary | null = null;
  /** The code in the file of each of its entries; -1: not used yet. */
  #codes = new Int32Array(0);

  /** @param budget Bytes of its entries. */
  constructor(name: string, budget: number = limits.ipcDictionaryBytes) {
    this.#name = name;
    this.#budget = budget;
  }

  /** The codes of a batch; of nulls 0. @throws RESOURCE_EXHAUSTED when the dictionary gets too large */
  encode({ values, validity, length, dictionary }: Column): Int32Array {
    const { offsets, bytes } = dictionary!;
    if (this.#last === null || !sameDictionary(this.#last, dictionary!)) {
      this.#last = dictionary;
      this.#codes = new Int32Array(dictionary!.length).fill(-1);
    }
    const known = this.#codes;
    const out = new Int32Array(length);
    for (let i = 0; i < length; i++) {
      if (!isValid(validity, i)) continue;
      const code = values[i]!;
      if (known[code]! < 0) known[code] = this.#table.intern(bytes, offsets[code]!, offsets[code + 1]!);
      out[i] = known[code]!;
    }
    if (this.#table.bytes <= this.#budget) return out;
    throw new VolleyError(
      'RESOURCE_EXHAUSTED',
      `column '${this.#name}' has more than ${this.#budget} bytes of distinct text, too much for the dictionary of a file: leave it out of dictionaries`,
      { column: this.#name },
    );
  }

  /** The entries, a row each. */
  column(): Column {
    const dictionary = this.#table.toDictionary();
    const { length } = dictionary;
    const values = Int32Array.from({ length }, (_, i) => i);
    return {
      type: DataType.Utf8,
      physical: 'code',
      length,
      nullCount: 0,
      validity: null,
      values,
      dictionary,
    };
  }
}

/**
 * The columns that are written as codes, in the order of the schema: their place in it is the id of their dictionary.
 * @throws COLUMN_NOT_FOUND, INVALID_ARGUMENT where one is not text
 */
export function codedColumns(
  schema: readonly Field[],
  wanted: true | readonly string[],
): ReadonlySet<string> {
  const texts = schema.filter(({ type }) => type.kind === 'utf8').map(({ name }) => name);
  if (wanted === true) return new Set(texts);
  for (const name of wanted) {
    if (texts.includes(name)) continue;
    if (!schema.some(field => field.name === name)) throw columnNotFound(name, schema, 'dictionaries');
    throw new VolleyError('INVALID_ARGUMENT', `dictionaries: column '${name}' is not text`, { column: name });
  }
  return new Set(wanted);
}
