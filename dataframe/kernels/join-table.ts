import { compile } from '../codegen/compile.js';
import type { Column, ValueRange } from '../column/column.js';
import { isWide } from '../column/layout.js';
import { isIndexable, type KeyShape, keyText, wordsOfKey } from './join-key.js';

/** Which table is built; tests force one. */
export type JoinTier = 'dense' | 'hash';

/** Cells that a dense table may always have, and how many more per build row: 16 bytes a row at most. */
const freeCells = 65_536;
const cellsPerRow = 4;
/** Cells of the largest dense table: 512 MiB. */
const mostCells = 2 ** 27;

/**
 * The build side of an equi-join: its rows by key. Rows with a null key are not in it. Plain typed arrays and data, so
 * that it can be stored beside the rows and read by every thread.
 *
 * 'dense': heads[cell]; 'hash': open addressing, heads[stride * slot] and the key's words after it. A head is -1 or, in
 * a unique table, the row. Otherwise it is the number of a group: rows[starts[g] .. starts[g + 1]), ascending. The
 * group of a dense table is the cell; it has no heads then.
 */
export interface JoinTable {
  readonly tier: JoinTier;
  readonly unique: boolean;
  readonly shapes: readonly KeyShape[];
  readonly heads: Int32Array;
  readonly starts: Int32Array;
  readonly rows: Int32Array;
  /** Rows of the build side, those with null keys included. */
  readonly buildRows: number;
}

const none = new Int32Array(0);

/** Elements of a slot of a hash table over keys of so many words. */
export function slotStride(words: number): number {
  return words === 1 ? 2 : words <= 3 ? 4 : words + 1;
}

/** Builds the table over key columns of equal length; at least one. */
export function buildJoinTable(keys: readonly Column[], rows: number, force?: JoinTier): JoinTable {
  const ranges = keys.map(key => (isIndexable(key) ? rangeOf(key) : null));
  const shapes = denseShapes(ranges, rows);
  if (shapes !== null && force !== 'hash') return buildDense(keys, rows, shapes);
  const hashed = ranges.map((range, k): KeyShape => {
    const narrow = isWide(keys[k]!.type) && range !== null && range.min >= -(2 ** 31) && range.max < 2 ** 31;
    return { base: 0, size: 0, stride: 0, narrow };
  });
  return buildHash(keys, rows, hashed);
}

function denseShapes(ranges: readonly (ValueRange | null)[], rows: number): KeyShape[] | null {
  const most = Math.min(mostCells, Math.max(freeCells, cellsPerRow * rows));
  const shapes: KeyShape[] = [];
  let stride = 1;
  for (const range of ranges) {
    if (range === null) return null;
    const size = Math.max(1, range.max - range.min + 1);
    if (!(size * stride <= most)) return null;
    shapes.push({ base: range.min, size, stride, narrow: false });
    stride *= size;
  }
  return shapes;
}

type Scan = (values: unknown, rows: number, out: Float64Array) => void;

/** Bounds of an integer column, null slots' 0 included. */
function rangeOf(key: Column): ValueRange {
  if (key.physical === 'code') return { min: 0, max: key.dictionary!.length - 1 };
  if (key.range !== undefined) return key.range;
  if (key.length === 0) return { min: 0, max: 0 };
  const scan = compile<Scan>(
    ['values', 'rows', 'out'],
    `/* range ${key.physical} */let a=values[0],b=a;for(let i=1;i<rows;i++){const v=values[i];if(v<a)a=v;if(v>b)b=v;}out[0]=a;out[1]=b;`,
  );
  const out = new Float64Array(2);
  scan(key.values, key.length, out);
  return { min: out[0]!, max: out[1]! };
}

type Fill = (P: readonly unknown[], rows: number, heads: Int32Array, out: Int32Array) => number;

function cellsOf(shapes: readonly KeyShape[]): number {
  return shapes.reduce((product, shape) => product * shape.size, 1);
}

function buildDense(keys: readonly Column[], rows: number, shapes: readonly KeyShape[]): JoinTable {
  const cells = cellsOf(shapes);
  const { head, body, bound } = keyText(keys, shapes, true, []);
  const loop = (step: string) =>
    compile<Fill>(
      ['P', 'rows', 'heads', 'out'],
      `${head}for(let i=0;i<rows;i++){for(;;){${body}${step}break;}}return 1;`,
    );
  const heads = new Int32Array(cells).fill(-1);
  const common = { tier: 'dense', shapes, buildRows: rows } as const;
  if (loop('if(heads[c]!==-1)return 0;heads[c]=i;')(bound, rows, heads, none) === 1) {
    return { ...common, unique: true, heads, starts: none, rows: none };
  }
  const cellOf = new Int32Array(rows).fill(-1);
  loop('out[i]=c;')(bound, rows, none, cellOf);
  return { ...common, unique: false, heads: none, ...rowLists(cellOf, rows, cells) };
}

/** Text of the hash of words a0, a1 …: `h`. */
export function hashText(words: number): string {
  let text = 'let h=0;';
  for (let w = 0; w < words; w++) {
    text += `h=Math.imul(h^a${w},${w % 2 === 0 ? '0x9e3779b1' : '0x85ebca6b'});h^=h>>>15;`;
  }
  return `${text}h=Math.imul(h,0xc2b2ae35);h^=h>>>16;`;
}

/** Text that walks from the slot of h to that of the key or to an empty one, at element `s`: there `g` is the head. */
export function walkText(words: number): string {
  const same = Array.from({ length: words }, (_, w) => `heads[s+${w + 1}]===a${w}`).join('&&');
  const stride = slotStride(words);
  return `let s=Math.imul(h&mask,${stride}),g;for(;;){g=heads[s];if(g===-1||(${same}))break;s+=${stride};if(s===end)s=0;}`;
}

function buildHash(keys: readonly Column[], rows: number, shapes: readonly KeyShape[]): JoinTable {
  const words = keys.reduce((sum, key, k) => sum + wordsOfKey(key, shapes[k]!), 0);
  const stride = slotStride(words);
  let slots = 64;
  while (slots < rows * 1.6) slots *= 2;
  const heads = new Int32Array(slots * stride).fill(-1);
  const { head, body, bound } = keyText(keys, shapes, false, []);
  const store = Array.from({ length: words }, (_, w) => `heads[s+${w + 1}]=a${w};`).join('');
  const insert = compile<Fill>(
    ['P', 'rows', 'heads', 'out'],
    `${head}const end=heads.length,mask=end/${stride}-1;let unique=1;
for(let i=0;i<rows;i++){for(;;){${body}${hashText(words)}${walkText(words)}
if(g===-1){heads[s]=i;${store}out[i]=i;}else{out[i]=g;unique=0;}break;}}
return unique;`,
  );
  const groupOf = new Int32Array(rows).fill(-1);
  const unique = insert(bound, rows, heads, groupOf) === 1;
  const common = { tier: 'hash', shapes, buildRows: rows, heads } as const;
  if (unique) return { ...common, unique: true, starts: none, rows: none };
  return { ...common, unique: false, ...rowLists(groupOf, rows, rows) };
}

/** Counting sort: rows by group, ascending in each. Group -1: in no list. */
function rowLists(
  groupOf: Int32Array,
  rows: number,
  groups: number,
): { starts: Int32Array; rows: Int32Array } {
  const starts = new Int32Array(groups + 1);
  for (let i = 0; i < rows; i++) if (groupOf[i]! >= 0) starts[groupOf[i]! + 1]!++;
  for (let g = 0; g < groups; g++) starts[g + 1]! += starts[g]!;
  const at = starts.slice();
  const lists = new Int32Array(starts[groups]!);
  for (let i = 0; i < rows; i++) {
    const g = groupOf[i]!;
    if (g >= 0) lists[at[g]!++] = i;
  }
  return { starts, rows: lists };
}
