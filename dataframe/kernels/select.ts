import { compileRows } from '../codegen/wasm/kernel.js';
import type { Column } from '../column/column.js';
import type { Lent } from './lent.js';

/** Lists of Float64 without nulls, and the group of each list. */
export interface Lists {
  readonly lists: Column;
  readonly group: Int32Array;
}

/** Values that are brought together at a time, unless one group has more: they stay in a core's own cache. */
const blockValues = 32_768;
/** Values from which a sample pays: fewer are sorted. */
const sampledFrom = 40;
const sampleSize = 32;
/** Places in the sample on either side of the one looked for: about a standard deviation. */
const sampleMargin = 3;

type Gather = (
  items: Float64Array,
  lists: Int32Array,
  begins: Int32Array,
  finishes: Int32Array,
  group: Int32Array,
  values: Float64Array,
  starts: Int32Array,
  ends: Int32Array,
  cursor: Int32Array,
  spare: number,
  from: number,
  rows: number,
  work: number,
) => void;

const gatherParameters = [
  ...['items', 'lists', 'begins', 'finishes', 'group'],
  ...['values', 'starts', 'ends', 'cursor', 'spare', 'from', 'rows', 'work'],
];

/** Values of a cache line. */
const lineValues = 8;
/** Lists that are touched ahead. */
const listsAhead = 2;

/**
 * Brings the values of the lists of each group together, but for NaN, without branches on values. They were written by
 * other tasks and are in no cache of this core: one of each line is read ahead, so that the processor waits for many at
 * once (6.4 to 4 ns a value).
 */
const gatherText = `let touched=0;
for(let i=from;i<rows;i++){
let at=cursor[0]|0;
const g=group[i],past=lists[g+1];
starts[i]=at;
for(let s=lists[g];s<past;s++){
const later=finishes[s+${listsAhead}],end=finishes[s];
for(let j=begins[s+${listsAhead}];j<later;j=j+${lineValues}|0)touched=touched+items[j];
for(let j=begins[s];j<end;j++){const v=items[j];values[at]=v;at=at+((v===v)|0)|0;}
}
ends[i]=at;cursor[0]=at;
}
values[spare]=touched;`;

type Select = (
  values: Float64Array,
  starts: Int32Array,
  ends: Int32Array,
  ranks: Int32Array,
  low: Float64Array,
  high: Float64Array,
  spare: number,
  from: number,
  rows: number,
  work: number,
) => void;

const parameters = [
  'values',
  'starts',
  'ends',
  'ranks',
  'low',
  'high',
  'spare',
  'from',
  'rows',
  'work',
] as const;

/**
 * The value of rank ranks[i] among values[starts[i]] .. values[ends[i]-1], and the next one. Reorders them. As Floyd and
 * Rivest (1975): a small sorted sample gives two bounds that probably enclose the rank; what is above the one and below the
 * other goes out of the way. Without branches on values (Lomuto's partition): whether one is above the median cannot be
 * foretold. From values[spare] on there is room for the sample. Where the bounds leave all values in, as among few
 * different ones, both become the sample's middle: then a value is left out, or all are equal.
 */
const selectText = `for(let i=from;i<rows;i++){
let left=starts[i],right=ends[i]-1|0,margin=${sampleMargin};
const k=left+ranks[i]|0,last=right;
while((right-left|0)>=${sampledFrom}){
const n=right-left+1|0;
for(let s=0;s<${sampleSize};s++){
const v=values[left+(Math.imul(s,n>>>5)+(Math.imul(s,n&31)>>>5)|0)|0];
let q=spare+s-1|0;
while(q>=spare&&values[q]>v){values[q+1|0]=values[q];q=q-1|0;}
values[q+1|0]=v;
}
const p=(k-left|0)/n*${sampleSize}|0;
const below=p-margin|0,above=p+margin|0;
const lo=values[spare+(below<0?0:below)|0],hi=values[spare+(above>${sampleSize - 1}?${sampleSize - 1}:above)|0];
let m=left;
for(let j=left;j<=right;j++){const v=values[j];values[j]=values[m];values[m]=v;m=m+((v<=hi)|0)|0;}
if(k>=m){left=m;continue;}
right=m-1|0;
m=left;
for(let j=left;j<=right;j++){const v=values[j];values[j]=values[m];values[m]=v;m=m+((v<lo)|0)|0;}
if(k<m){right=m-1|0;continue;}
left=m;
if(lo===hi)break;
if((right-left+1|0)===n)margin=0;
}
for(let j=left+1|0;j<=right;j++){
const v=values[j];
let q=j-1|0;
while(q>=left&&values[q]>v){values[q+1|0]=values[q];q=q-1|0;}
values[q+1|0]=v;
}
const x=values[k];
let h=x;
if(k<right)h=values[k+1|0];
else if(k<last){h=values[k+1|0];for(let j=k+2|0;j<=last;j++)if(values[j]<h)h=values[j];}
low[i]=x;high[i]=h;
}`;

/**
 * The value at (size − 1) · share of each group, interpolated linearly, whose values lie in several lists; 0 for a group
 * without values. `sizes`: values of each group. NaN is the largest value. What it works in is lent.
 */
export function quantiles(
  parts: readonly Lists[],
  sizes: Int32Array,
  share: number,
  lent: Lent,
): Float64Array {
  const groups = sizes.length;
  const out = new Float64Array(groups);
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  // One more: a value is appended before it is known whether it counts.
  const spare = Math.max(blockValues, largest) + 1;
  const block = new Block(new Places(parts, groups, lent), sizes, share, spare, lent);
  for (let g = 0; g < groups; g++) {
    if (sizes[g] === 0) continue;
    if (block.values + sizes[g]! > blockValues) block.select(out);
    block.add(g, sizes[g]!);
  }
  block.select(out);
  return out;
}

/** Where the lists of each group are: numbers lists[g] to lists[g + 1] at items[begins[n]] to items[finishes[n]]. */
class Places {
  readonly items: Float64Array;
  readonly lists: Int32Array;
  readonly begins: Int32Array;
  readonly finishes: Int32Array;

  constructor(parts: readonly Lists[], groups: number, lent: Lent) {
    const { items, firsts } = together(
      parts.map(({ lists }) => lists.items!.values as Float64Array),
      lent,
    );
    this.items = items;
    this.lists = lent.ints(groups + 1);
    const { lists } = this;
    for (const { group } of parts) for (let i = 0; i < group.length; i++) lists[group[i]! + 1]!++;
    for (let g = 0; g < groups; g++) lists[g + 1]! += lists[g]!;
    this.begins = lent.ints(lists[groups]! + listsAhead);
    this.finishes = lent.ints(lists[groups]! + listsAhead);
    const at = lists.slice();
    parts.forEach((part, p) => {
      const { group } = part;
      const offsets = part.lists.values as Int32Array;
      for (let i = 0; i < group.length; i++) {
        const n = at[group[i]!]!++;
        this.begins[n] = firsts[p]! + offsets[i]!;
        this.finishes[n] = firsts[p]! + offsets[i + 1]!;
      }
    });
  }
}

/** One array over all of them, and where each begins in it: over the memory they share, or a copy. */
function together(arrays: readonly Float64Array[], lent: Lent) {
  const buffer = arrays.find(array => array.length > 0)?.buffer;
  if (buffer !== undefined && arrays.every(array => array.buffer === buffer || array.length === 0)) {
    const items = new Float64Array(buffer, 0, Math.floor(buffer.byteLength / 8));
    return { items, firsts: arrays.map(array => array.byteOffset / 8) };
  }
  const items = lent.numbers(
    arrays.reduce((sum, array) => sum + array.length, 0),
    false,
  );
  let at = 0;
  const firsts = arrays.map(array => {
    items.set(array, at);
    at += array.length;
    return at - array.length;
  });
  return { items, firsts };
}

/** Groups whose values are brought together, to be looked through in one call. */
class Block {
  readonly #places: Places;
  readonly #sizes: Int32Array;
  readonly #share: number;
  readonly #values: Float64Array;
  readonly #spare: number;
  readonly #group: Int32Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #ranks: Int32Array;
  readonly #weights: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  readonly #cursor: Int32Array;
  #groups = 0;
  #size = 0;

  constructor(places: Places, sizes: Int32Array, share: number, spare: number, lent: Lent) {
    this.#places = places;
    this.#sizes = sizes;
    this.#share = share;
    this.#values = lent.numbers(spare + sampleSize, false);
    this.#spare = spare;
    const most = Math.min(sizes.length, blockValues);
    const ints = () => lent.ints(most, false);
    this.#group = ints();
    this.#starts = ints();
    this.#ends = ints();
    this.#ranks = ints();
    this.#weights = lent.numbers(most, false);
    this.#low = lent.numbers(most, false);
    this.#high = lent.numbers(most, false);
    this.#cursor = lent.ints(1);
  }

  /** Values of its groups, NaN included. */
  get values(): number {
    return this.#size;
  }

  add(group: number, size: number): void {
    this.#group[this.#groups++] = group;
    this.#size += size;
  }

  /** Writes the results of its groups, and is empty. */
  select(out: Float64Array): void {
    if (this.#groups === 0) return;
    this.#gather();
    const rows = this.#rank(out);
    const work = this.#size;
    this.#groups = 0;
    this.#size = 0;
    if (rows === 0) return;
    const select = compileRows<Select>('select', parameters, () => selectText, work);
    select(
      this.#values,
      this.#starts,
      this.#ends,
      this.#ranks,
      this.#low,
      this.#high,
      this.#spare,
      0,
      rows,
      work,
    );
    for (let at = 0; at < rows; at++)
      out[this.#group[at]!] = interpolated(this.#low[at]!, this.#high[at]!, this.#weights[at]!);
  }

  #gather(): void {
    const { items, lists, begins, finishes } = this.#places;
    const work = this.#size;
    const gather = compileRows<Gather>('gather lists', gatherParameters, () => gatherText, work);
    this.#cursor[0] = 0;
    gather(
      items,
      lists,
      begins,
      finishes,
      this.#group,
      this.#values,
      this.#starts,
      this.#ends,
      this.#cursor,
      this.#spare,
      0,
      this.#groups,
      work,
    );
  }

  /** The rank that is looked for in each group; those whose quantile is NaN are left out. @returns how many remain */
  #rank(out: Float64Array): number {
    const [starts, ends] = [this.#starts, this.#ends];
    let kept = 0;
    for (let at = 0; at < this.#groups; at++) {
      const group = this.#group[at]!;
      const begun = starts[at]!;
      const position = (this.#sizes[group]! - 1) * this.#share;
      const below = Math.floor(position);
      const weight = position - below;
      // Behind all numbers there is nothing but NaN.
      if ((weight === 0 ? below : below + 1) >= ends[at]! - begun) {
        out[group] = Number.NaN;
        continue;
      }
      this.#group[kept] = group;
      starts[kept] = begun;
      ends[kept] = ends[at]!;
      this.#ranks[kept] = below;
      this.#weights[kept] = weight;
      kept++;
    }
    return kept;
  }
}

/** `weight` of the way from one value to the next. */
function interpolated(low: number, high: number, weight: number): number {
  if (weight === 0 || low === high) return low;
  return Number.isFinite(low) ? low + (high - low) * weight : low * (1 - weight) + high * weight;
}
