import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';
import { hashRows } from './hash.js';

/** Bits per key: of the 32 of one word, three are set, so that about one in twenty absent keys is let through. */
const bitsPerKey = 8;

/** A blocked Bloom filter (Putze, Sanders, Singler 2007): all bits of a key are in one word. A power of two of words. */
export function bloomWords(rows: number): Int32Array {
  let words = 64;
  while (words * 32 < rows * bitsPerKey) words *= 2;
  return new Int32Array(words);
}

/** Text that leaves the word of hash h in `w` and the bits in it in `b`. */
const placeText =
  'const g=Math.imul(h^(h>>>16),0x9e3779b1),w=(g^(g>>>15))&mask,b=(1<<(h&31))|(1<<((h>>>5)&31))|(1<<((h>>>10)&31));';

const add = compile<(hashes: Int32Array, words: Int32Array, rows: number) => void>(
  ['hashes', 'words', 'rows'],
  `const mask=words.length-1;for(let i=0;i<rows;i++){const h=hashes[i];${placeText}words[w]|=b;}`,
);

const find = compile<(hashes: Int32Array, words: Int32Array, at: Int32Array, rows: number) => number>(
  ['hashes', 'words', 'at', 'rows'],
  `const mask=words.length-1;let k=0;for(let i=0;i<rows;i++){const h=hashes[i];${placeText}at[k]=i;if((words[w]&b)===b)k++;}return k;`,
);

/** Adds the keys of these rows, null ones too. */
export function addKeys(words: Int32Array, keys: readonly Column[], rows: number): void {
  add(hashRows(keys, rows), words, rows);
}

/** Rows whose keys may have been added, in order; the others were not. */
export function mayHold(words: Int32Array, keys: readonly Column[], rows: number): Int32Array {
  const at = new Int32Array(rows);
  return at.subarray(0, find(hashRows(keys, rows), words, at, rows));
}
