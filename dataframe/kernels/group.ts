import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { isCoded, nullColumn } from '../column/layout.js';
import { StringTable } from '../column/string-table.js';
import { compactColumn, concatColumns } from './concat.js';
import { denseCells } from './dense.js';
import { encodeNulls, encodeTexts, encodeWords, wordsOf } from './key-words.js';
import { takeColumn } from './take.js';

type Probe = (
  from: number,
  rows: number,
  words: readonly Int32Array[],
  stored: readonly Int32Array[],
  slots: Int32Array,
  state: Int32Array,
  limit: number,
  firstRow: Int32Array,
  out: Int32Array,
) => number;
type Rehash = (stored: readonly Int32Array[], slots: Int32Array, count: number) => void;

function hashText(width: number): string {
  let text = 'let h=0;';
  for (let w = 0; w < width; w++) {
    text += `h=Math.imul(h^a${w},${w % 2 === 0 ? '0x9e3779b1' : '0x85ebca6b'});h^=h>>>15;`;
  }
  return `${text}h=Math.imul(h,0xc2b2ae35);h^=h>>>16;`;
}

const each = (width: number, text: (w: number) => string, separator = '') =>
  Array.from({ length: width }, (_, w) => text(w)).join(separator);

/** Assigns group numbers, or (find) looks them up. Assigning stops at the row that needs more room. */
function probeOf(width: number, add: boolean): Probe {
  const missing = add
    ? `if(n===limit){state[0]=n;return i;}g=n++;slots[s]=g;firstRow[g]=i;${each(width, w => `g${w}[g]=a${w};`)}break;`
    : 'g=-1;break;';
  return compile<Probe>(
    ['from', 'rows', 'words', 'stored', 'slots', 'state', 'limit', 'firstRow', 'out'],
    `${each(width, w => `const w${w}=words[${w}],g${w}=stored[${w}];`)}
const mask=slots.length-1;let n=state[0];
for(let i=from;i<rows;i++){
${each(width, w => `const a${w}=w${w}[i];`)}${hashText(width)}
let s=h&mask,g;
for(;;){g=slots[s];if(g<0){${missing}}if(${each(width, w => `g${w}[g]===a${w}`, '&&')})break;s=(s+1)&mask;}
out[i]=g;
}
state[0]=n;return rows;`,
  );
}

function rehashOf(width: number): Rehash {
  return compile<Rehash>(
    ['stored', 'slots', 'count'],
    `${each(width, w => `const g${w}=stored[${w}];`)}const mask=slots.length-1;
for(let i=0;i<count;i++){${each(width, w => `const a${w}=g${w}[i];`)}${hashText(width)}let s=h&mask;while(slots[s]>=0)s=(s+1)&mask;slots[s]=i;}`,
  );
}

/**
 * Numbers distinct keys 0, 1, 2 … in order of first appearance. Keys of any number of columns, compared by value:
 * text by its bytes, −0 as 0, NaN as NaN, null as null. Batches may differ in dictionaries and physical forms.
 */
export class GroupTable {
  readonly #types: readonly DataType[];
  readonly #texts: readonly (StringTable | null)[];
  readonly #width: number;
  #stored: Int32Array[];
  #slots: Int32Array = new Int32Array(256).fill(-1);
  #firstRow: Int32Array = new Int32Array(128);
  /** [number of groups] */
  readonly #state = new Int32Array(1);
  /** Keys of the groups, as they came: chunks by key column. */
  readonly #chunks: Column[][];

  constructor(types: readonly DataType[]) {
    this.#types = types;
    this.#texts = types.map(type => (isCoded(type) ? new StringTable() : null));
    const words = types.reduce((sum, type) => sum + wordsOf(type), 0);
    this.#width = words + Math.ceil(types.length / 32);
    this.#stored = Array.from({ length: this.#width }, () => new Int32Array(128));
    this.#chunks = types.map(() => []);
  }

  get count(): number {
    return this.#state[0]!;
  }

  /** The group of each row; keys not seen before get new groups. */
  assign(keys: readonly Column[], rows: number): Int32Array {
    return this.#through(keys, rows, true);
  }

  /** The group of each row, or -1. With `nullsMatch` false, a null in any key gives -1. */
  find(keys: readonly Column[], rows: number, nullsMatch: boolean): Int32Array {
    const out = this.#through(keys, rows, false);
    if (!nullsMatch) dropNulls(keys, rows, out);
    return out;
  }

  /** Key columns of all groups, in group order. */
  keyColumns(): Column[] {
    return this.#chunks.map((chunks, k) =>
      chunks.length === 0 ? nullColumn(this.#types[k]!, 0) : concatColumns(chunks, this.count),
    );
  }

  #through(keys: readonly Column[], rows: number, add: boolean): Int32Array {
    if (keys.length === 0) {
      if (add && rows > 0) this.#state[0] = 1;
      return new Int32Array(rows);
    }
    const dense = denseCells(keys, rows);
    if (dense === null) return this.#hash(keys, rows, add);
    // Few distinct keys: hash each of them once, then look rows up by cell.
    const { cellOf, firstRows, cells } = dense;
    const distinct = keys.map(key => takeColumn(key, firstRows, firstRows.length));
    const groups = this.#hash(distinct, firstRows.length, add);
    for (let k = 0; k < firstRows.length; k++) cells[cellOf[firstRows[k]!]!] = groups[k]!;
    for (let i = 0; i < rows; i++) cellOf[i] = cells[cellOf[i]!]!;
    return cellOf;
  }

  #hash(keys: readonly Column[], rows: number, add: boolean): Int32Array {
    const words = this.#encode(keys, rows, add);
    const out = new Int32Array(rows);
    const probe = probeOf(this.#width, add);
    const before = this.count;
    let at = 0;
    for (;;) {
      const limit = this.#firstRow.length;
      at = probe(at, rows, words, this.#stored, this.#slots, this.#state, limit, this.#firstRow, out);
      if (at === rows) break;
      this.#grow();
    }
    if (add && this.count > before) this.#keep(keys, before);
    return out;
  }

  #encode(keys: readonly Column[], rows: number, add: boolean): Int32Array[] {
    const words = Array.from({ length: this.#width }, () => new Int32Array(rows));
    let w = 0;
    keys.forEach((key, k) => {
      const text = this.#texts[k]!;
      if (text !== null) encodeTexts(key, text, add, words[w]!);
      else encodeWords(key, words[w]!, words[w + 1]!);
      w += wordsOf(this.#types[k]!);
    });
    keys.forEach((key, k) => {
      encodeNulls(key, k, words[w + (k >> 5)]!);
    });
    return words;
  }

  /** Keeps the keys of the groups that are new in this batch. */
  #keep(keys: readonly Column[], before: number): void {
    const fresh = this.#firstRow.subarray(before, this.count);
    keys.forEach((key, k) => {
      this.#chunks[k]!.push(compactColumn(takeColumn(key, fresh, fresh.length)));
    });
  }

  #grow(): void {
    const capacity = this.#firstRow.length * 2;
    const wider = (words: Int32Array): Int32Array => {
      const out = new Int32Array(capacity);
      out.set(words);
      return out;
    };
    this.#stored = this.#stored.map(wider);
    this.#firstRow = wider(this.#firstRow);
    this.#slots = new Int32Array(capacity * 2).fill(-1);
    rehashOf(this.#width)(this.#stored, this.#slots, this.count);
  }
}

function dropNulls(keys: readonly Column[], rows: number, out: Int32Array): void {
  for (const { validity } of keys) {
    if (validity === null) continue;
    for (let i = 0; i < rows; i++) {
      if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) out[i] = -1;
    }
  }
}
