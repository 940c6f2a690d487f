import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { isWide } from '../column/layout.js';
import type { StringTable } from '../column/string-table.js';

/** Words one key column takes in a group table: equal values have equal words, whatever their physical form. */
export function wordsOf(type: DataType): 1 | 2 {
  return isWide(type) || type.kind === 'float64' || type.kind === 'float32' ? 2 : 1;
}

type Encode = (
  values: unknown,
  validity: Uint8Array | null,
  low: Int32Array,
  high: Int32Array,
  rows: number,
  bits: FloatBits,
) => void;

interface FloatBits {
  readonly value: Float64Array;
  readonly words: Int32Array;
}
const scratch = new Float64Array(1);
const floatBits: FloatBits = { value: scratch, words: new Int32Array(scratch.buffer) };

/** Text that stores the words of row i. Null slots hold 0 in every column, so they encode alike. */
function encodeText(column: Column): string {
  if (column.physical === 'i64') return 'low[i]=values[2*i];high[i]=values[2*i+1];';
  if (isWide(column.type)) return 'const v=values[i];low[i]=v|0;high[i]=Math.floor(v/4294967296);';
  if (column.physical === 'f64' || column.physical === 'f32') {
    return 'const v=values[i];bits.value[0]=v===0?0:v!==v?NaN:v;low[i]=bits.words[0];high[i]=bits.words[1];';
  }
  return 'low[i]=values[i];';
}

/** Words of a column that is no text; `high` is used by types of two words. */
export function encodeWords(column: Column, low: Int32Array, high: Int32Array): void {
  const encode = compile<Encode>(
    ['values', 'validity', 'low', 'high', 'rows', 'bits'],
    `/* words ${column.physical} ${column.type.kind} */for(let i=0;i<rows;i++){${encodeText(column)}}`,
  );
  encode(column.values, column.validity, low, high, column.length, floatBits);
}

/**
 * Codes of a text column in `table`. With `add`, new entries are interned; without, entries the table does not know
 * give -1, which equals no stored word. Only entries that rows refer to are looked up.
 */
export function encodeTexts(column: Column, table: StringTable, add: boolean, out: Int32Array): void {
  const { offsets, bytes, length } = column.dictionary!;
  const codes = column.values as Int32Array;
  const { validity } = column;
  const map = new Int32Array(length).fill(-2);
  for (let i = 0; i < codes.length; i++) {
    if (validity !== null && ((validity[i >> 3]! >> (i & 7)) & 1) === 0) {
      out[i] = 0;
      continue;
    }
    const code = codes[i]!;
    let known = map[code]!;
    if (known === -2) {
      const from = offsets[code]!;
      const to = offsets[code + 1]!;
      known = add ? table.intern(bytes, from, to) : table.find(bytes, from, to);
      map[code] = known;
    }
    out[i] = known;
  }
}

/** Sets bit `k` of rows that are null in this column. */
export function encodeNulls(column: Column, k: number, out: Int32Array): void {
  const { validity, length } = column;
  if (validity === null) return;
  const bit = 1 << (k & 31);
  for (let i = 0; i < length; i++) {
    if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) out[i]! |= bit;
  }
}
