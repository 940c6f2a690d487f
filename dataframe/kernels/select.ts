import { compile } from '../codegen/compile.js';
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

/** Appends the values that are not NaN, without branches; gives where it came to. */
const append = compile<
  (values: Float64Array, from: number, to: number, out: Float64Array, at: number) => number
>(
  ['values', 'from', 'to', 'out', 'at'],
  'for(let i=from;i<to;i++){const v=values[i];out[at]=v;at+=(v===v)|0;}return at;',
);

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
  const places = new Places(parts, groups);
  const block = new Block(lent.numbers(spare + sampleSize, false), spare, groups, lent);
  for (let g = 0; g < groups; g++) {
    if (sizes[g] === 0) continue;
    if (block.values + sizes[g]! > blockValues) block.select(out);
    if (!block.add(g, sizes[g]!, share, places)) out[g] = Number.NaN;
  }
  block.select(out);
  return out;
}

/** Where the lists of each group are. */
class Places {
  readonly offsets: readonly Int32Array[];
  readonly items: readonly Float64Array[];
  /** The lists of group g, as part and row: entries starts[g] to starts[g + 1]. */
  readonly starts: Int32Array;
  readonly part: Int32Array;
  readonly row: Int32Array;

  constructor(parts: readonly Lists[], groups: number) {
    this.offsets = parts.map(({ lists }) => lists.values as Int32Array);
    this.items = parts.map(({ lists }) => lists.items!.values as Float64Array);
    const starts = new Int32Array(groups + 1);
    for (const { group } of parts) for (let i = 0; i < group.length; i++) starts[group[i]! + 1]!++;
    for (let g = 0; g < groups; g++) starts[g + 1]! += starts[g]!;
    const at = starts.slice();
    this.part = new Int32Array(starts[groups]!);
    this.row = new Int32Array(starts[groups]!);
    parts.forEach(({ group }, p) => {
      for (let i = 0; i < group.length; i++) {
        const k = at[group[i]!]!++;
        this.part[k] = p;
        this.row[k] = i;
      }
    });
    this.starts = starts;
  }
}

/** Groups whose values are brought together, to be looked through in one call. */
class Block {
  readonly #values: Float64Array;
  readonly #spare: number;
  readonly #group: Int32Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #ranks: Int32Array;
  readonly #weights: Float64Array;
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  #groups = 0;
  #end = 0;

  constructor(values: Float64Array, spare: number, groups: number, lent: Lent) {
    this.#values = values;
    this.#spare = spare;
    const most = Math.min(groups, blockValues);
    const ints = () => lent.ints(most, false);
    this.#group = ints();
    this.#starts = ints();
    this.#ends = ints();
    this.#ranks = ints();
    this.#weights = lent.numbers(most, false);
    this.#low = lent.numbers(most, false);
    this.#high = lent.numbers(most, false);
  }

  get values(): number {
    return this.#end;
  }

  /** False when the quantile of the group is NaN. */
  add(group: number, size: number, share: number, places: Places): boolean {
    const position = (size - 1) * share;
    const below = Math.floor(position);
    const start = this.#end;
    let end = start;
    for (let s = places.starts[group]!; s < places.starts[group + 1]!; s++) {
      const p = places.part[s]!;
      const row = places.row[s]!;
      const offsets = places.offsets[p]!;
      end = append(places.items[p]!, offsets[row]!, offsets[row + 1]!, this.#values, end);
    }
    const weight = position - below;
    // Behind all numbers there is nothing but NaN.
    if ((weight === 0 ? below : below + 1) >= end - start) return false;
    const at = this.#groups++;
    this.#group[at] = group;
    this.#starts[at] = start;
    this.#ends[at] = end;
    this.#ranks[at] = below;
    this.#weights[at] = weight;
    this.#end = end;
    return true;
  }

  /** Writes the results of its groups, and is empty. */
  select(out: Float64Array): void {
    const rows = this.#groups;
    const work = this.#end;
    this.#groups = 0;
    this.#end = 0;
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
}

/** `weight` of the way from one value to the next. */
function interpolated(low: number, high: number, weight: number): number {
  if (weight === 0 || low === high) return low;
  return Number.isFinite(low) ? low + (high - low) * weight : low * (1 - weight) + high * weight;
}
