import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';
import { entryHashes } from '../column/dictionary.js';
import { isWide } from '../column/layout.js';

/** Mixes one word into the running hash (murmur3's mixing). */
const mix =
  'let k=Math.imul(w,0xcc9e2d51);k=(k<<15)|(k>>>17);let x=h[i]^Math.imul(k,0x1b873593);x=(x<<13)|(x>>>19);h[i]=(Math.imul(x,5)+0xe6546b64)|0;';
const nullWord = '-1640531527';

/** Text that sets `w` (and mixes more words first) from row i. */
function wordsText(column: Column): string {
  const wideNumber = `const v=values[i];let w=Math.floor(v/4294967296)|0;{${mix}}w=v|0;`;
  switch (column.physical) {
    case 'code':
      return 'let w=table[values[i]]|0;';
    case 'i64':
      return `let w=values[2*i+1];{${mix}}w=values[2*i];`;
    case 'f64':
      if (isWide(column.type)) return wideNumber;
      return floatText;
    case 'f32':
      return floatText;
    default:
      // Small integers hash like 64-bit ones.
      return wideNumber;
  }
}

const floatBits = { value: new Float64Array(1), words: new Int32Array(0) };
floatBits.words = new Int32Array(floatBits.value.buffer);

/** −0 is 0 and every NaN is one NaN. */
const floatText = `const v=values[i];bits.value[0]=v===0?0:v!==v?NaN:v;let w=bits.words[1];{${mix}}w=bits.words[0];`;

/**
 * Hashes of rows over the *values* of the key columns: equal on every node, whatever dictionary or physical form the
 * values have. −0 equals 0, NaN equals NaN, nulls hash alike.
 */
export function hashRows(keys: readonly Column[], rows: number): Int32Array {
  const h = new Int32Array(rows);
  for (const column of keys) {
    const table = column.dictionary === null ? null : entryHashes(column.dictionary);
    const nullable = column.validity !== null;
    const words = wordsText(column);
    const body = nullable
      ? `if(((validity[i>>3]>>(i&7))&1)===0){const w=${nullWord};${mix}}else{${words}${mix}}`
      : `${words}${mix}`;
    const loop = compile<(...args: unknown[]) => void>(
      ['values', 'table', 'bits', 'validity', 'h', 'rows'],
      `/* hash ${column.physical} ${isWide(column.type)} */for(let i=0;i<rows;i++){${body}}`,
    );
    loop(column.values, table, floatBits, column.validity, h, rows);
  }
  for (let i = 0; i < rows; i++) h[i] = finish(h[i]!);
  return h;
}

function finish(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Rows by destination: slice s holds order[starts[s]..starts[s + 1]), in row order. */
export interface Scattered {
  readonly order: Int32Array;
  readonly starts: Int32Array;
}

/** Deals rows out to `fanOut` slices by hash. */
export function scatterRows(hashes: Int32Array, rows: number, fanOut: number): Scattered {
  const starts = new Int32Array(fanOut + 1);
  for (let i = 0; i < rows; i++) starts[((hashes[i]! >>> 0) % fanOut) + 1]!++;
  for (let s = 0; s < fanOut; s++) starts[s + 1]! += starts[s]!;
  const at = starts.slice();
  const order = new Int32Array(rows);
  for (let i = 0; i < rows; i++) order[at[(hashes[i]! >>> 0) % fanOut]!++] = i;
  return { order, starts };
}
