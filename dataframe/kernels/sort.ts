import { compile } from '../codegen/compile.js';
import type { Batch, Column } from '../column/column.js';
import { ranks } from '../column/dictionary.js';
import { columnOf } from '../column/layout.js';
import type { SortKey } from '../physical/fragment.js';
import { compactColumn } from './concat.js';

/** Bits sorted per pass. */
const radixBits = 11;
const buckets = 1 << radixBits;
const bucketMask = buckets - 1;

type Order = (
  values: unknown,
  low: Uint32Array,
  high: Uint32Array,
  rows: number,
  bits: unknown,
  flip: number,
) => void;

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);

/**
 * The stable order of the rows: position → row. Order is numbers < NaN < null unless a key tells otherwise; −0 equals
 * 0, text goes by UTF-8 bytes. Least significant digit radix sort over order-preserving words of each key.
 */
export function sortOrder(batch: Batch, by: readonly SortKey[]): Int32Array {
  const { rows } = batch;
  let order: Int32Array = new Int32Array(rows);
  for (let i = 0; i < rows; i++) order[i] = i;
  let spare: Int32Array = new Int32Array(rows);
  const pass = (word: Uint32Array, bits: number): void => {
    for (let shift = 0; shift < bits; shift += radixBits) {
      if (!radixPass(word, shift, order, spare, rows)) continue;
      const t = order;
      order = spare;
      spare = t;
    }
  };
  for (let k = by.length - 1; k >= 0; k--) {
    const key = by[k]!;
    const column = compactColumn(columnOf(batch, key.column));
    if (column.type.kind === 'null') continue;
    const { low, high } = orderWords(column, key.descending);
    pass(low, 32);
    if (high !== null) pass(high, 32);
    const nulls = nullWords(column, key.nullsLast);
    if (nulls !== null) pass(nulls, 1);
  }
  return order;
}

/** One counting pass by a digit; false when all rows share it (then nothing moved). */
function radixPass(
  word: Uint32Array,
  shift: number,
  from: Int32Array,
  to: Int32Array,
  rows: number,
): boolean {
  const at = new Int32Array(buckets + 1);
  for (let i = 0; i < rows; i++) at[((word[i]! >>> shift) & bucketMask) + 1]!++;
  if (rows === 0 || at[((word[0]! >>> shift) & bucketMask) + 1] === rows) return false;
  for (let b = 0; b < buckets; b++) at[b + 1]! += at[b]!;
  for (let i = 0; i < rows; i++) {
    const row = from[i]!;
    to[at[(word[row]! >>> shift) & bucketMask]!++] = row;
  }
  return true;
}

interface OrderWords {
  readonly low: Uint32Array;
  /** For values of 64 bits. */
  readonly high: Uint32Array | null;
}

/** Words that compare as unsigned integers like the values do. Descending inverts them, which keeps stability. */
function orderWords(column: Column, descending: boolean): OrderWords {
  const { physical, length, type } = column;
  const flip = descending ? -1 : 0;
  const low = new Uint32Array(length);
  const wide = physical === 'f64' || physical === 'i64' || physical === 'f32';
  const high = wide ? new Uint32Array(length) : null;
  const sign = type.kind === 'uint64' ? 0 : 0x80000000;
  const texts: Partial<Record<typeof physical, string>> = {
    i64: `low[i]=values[2*i]^flip;high[i]=values[2*i+1]^${sign}^flip;`,
    f64: floatText,
    f32: floatText,
    code: 'low[i]=bits[values[i]]^flip;',
    bool: 'low[i]=values[i]^flip;',
    u8: 'low[i]=values[i]^flip;',
    u16: 'low[i]=values[i]^flip;',
    u32: 'low[i]=values[i]^flip;',
  };
  const order = compile<Order>(
    ['values', 'low', 'high', 'rows', 'bits', 'flip'],
    `/* order ${physical} */for(let i=0;i<rows;i++){${texts[physical] ?? 'low[i]=values[i]^0x80000000^flip;'}}`,
  );
  const bits = physical === 'code' ? ranks(column.dictionary!) : { value: scratch, words: scratchWords };
  order(column.values, low, high ?? low, length, bits, flip);
  return { low, high };
}

/** The bits of a float, made to compare as unsigned: negative ones inverted, the sign bit set otherwise. */
const floatText =
  'const v=values[i];bits.value[0]=v===0?0:v!==v?NaN:v;const l=bits.words[0],h=bits.words[1];const m=h>>31;low[i]=l^m^flip;high[i]=h^(m|0x80000000)^flip;';

function nullWords(column: Column, nullsLast: boolean): Uint32Array | null {
  const { validity, length } = column;
  if (validity === null) return null;
  const out = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    const valid = (validity[i >> 3]! >> (i & 7)) & 1;
    out[i] = nullsLast ? 1 - valid : valid;
  }
  return out;
}
