import { compileText } from '../codegen/wasm/kernel.js';
import { packValidity } from '../column/bitmap.js';
import type { Column, Values } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { type Accumulator, grownLent, unstride } from './accumulator.js';
import {
  addDouble,
  addText,
  differenceText,
  divideDouble,
  low,
  multiplyDouble,
  productOfText,
  productText,
  quotientOfText,
  splitText,
  sumOfText,
} from './double-double.js';
import type { Lent } from './lent.js';
import { addMoments } from './moments-wasm.js';
import { oneNaN } from './one-nan.js';
import { largestMagnitude, readText } from './read-number.js';

/** Sums of squares up to here are exact in a float. */
const EXACT = 2 ** 53;

/** Rows from which on they are worth a call. */
const fewRows = 2048;

/** Per group while sums are exact: count, sum, sum of squares. */
const EXACT_STRIDE = 3;
/** Per group otherwise: count, pivot, sum of differences (high, low), sum of their squares (high, low). */
const STRIDE = 6;

type AddRows = (
  values: unknown,
  group: Int32Array,
  mask: Uint8Array | null,
  s: Float64Array,
  from: number,
  rows: number,
) => void;

function addExact(column: Column, masked: boolean): AddRows {
  const skip = masked ? 'if(mask[i]===0)continue;' : '';
  return compileText<AddRows>(
    ['values', 'group', 'mask', 's', 'from', 'rows'],
    `/* exact moments ${column.physical} */for(let i=from;i<rows;i++){${skip}const k=Math.imul(group[i],${EXACT_STRIDE});${readText(column, 'x', 'values')}s[k]++;s[k+1]+=x;s[k+2]+=x*x;}`,
    column.length,
  );
}

/** About the first value of the group; differences and squares with their rounding errors. */
function addAboutPivot(column: Column, masked: boolean): AddRows {
  const skip = masked ? 'if(mask[i]===0)continue;' : '';
  const body = `${differenceText('d', 'e', 'x', 'p')}${splitText('d')}${productText('q', 'f', 'd', 'd')}
${addText('k+2', 'd', 'e')}${addText('k+4', 'q', '(f+2*d*e)')}`;
  return compileText<AddRows>(
    ['values', 'group', 'mask', 's', 'from', 'rows'],
    `/* moments ${column.physical} */for(let i=from;i<rows;i++){${skip}const k=Math.imul(group[i],${STRIDE}),n=s[k];${readText(column, 'x', 'values')}s[k]=n+1;if(n===0)s[k+1]=x;const p=s[k+1];${body}}`,
    column.length,
  );
}

/**
 * Sample variance and standard deviation. A task sums differences from a pivot (the group's first value) and their
 * squares in double-double; small integers are summed exactly as they are. States are count, mean and the sum of
 * squared deviations, merged by Chan's formula in double-double: the result is rounded once, so that it does not
 * depend on how rows were cut into tasks. Values that are not finite give NaN.
 */
export class VarianceAccumulator implements Accumulator {
  readonly #root: boolean;
  readonly #lent: Lent;
  #groups = 0;
  /** While not null: all sums are exact. */
  #exact: Float64Array | null = new Float64Array(0);
  /** Bound of the exact sums. */
  #bound = 0;
  #sums: Float64Array = new Float64Array(0);
  /** Merged: count, mean (high, low), squared deviations (high, low) per group. */
  #merged: Float64Array | null = null;

  /** States last as long as what is lent. */
  constructor(root: boolean, lent: Lent) {
    this.#root = root;
    this.#lent = lent;
  }

  resize(groups: number): void {
    this.#groups = groups;
    if (this.#merged !== null) this.#merged = grownLent(this.#merged, groups * MERGED, this.#lent);
    else if (this.#exact !== null) this.#exact = grownLent(this.#exact, groups * EXACT_STRIDE, this.#lent);
    else this.#sums = grownLent(this.#sums, groups * STRIDE, this.#lent);
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    const input = column!;
    if (this.#exact !== null) {
      const most = largestMagnitude(input);
      this.#bound += rows * most * most;
      if (this.#bound > EXACT) this.#leaveExact();
    }
    const { values } = input;
    const floats = this.#exact === null && values instanceof Float64Array && input.physical === 'f64';
    if (floats && rows >= fewRows && addMoments(values, group, mask, this.#sums, rows)) return;
    const loop = this.#exact === null ? addAboutPivot : addExact;
    loop(input, mask !== null)(input.values, group, mask, this.#exact ?? this.#sums, 0, rows);
  }

  state(): Column[] {
    const n = this.#groups;
    const merged = this.#finished();
    return Array.from({ length: MERGED }, (_, part) => {
      const values = this.#lent.numbers(n, false);
      unstride(merged, part, MERGED, values);
      return denseColumn(part === 0 ? DataType.Int64 : DataType.Float64, 'f64', n, values);
    });
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    this.#merged ??= new Float64Array(this.#groups * MERGED);
    const [counts, mh, ml, sh, sl] = state.map(column => column.values);
    mergeRows(rows)(this.#merged, group, counts!, mh!, ml!, sh!, sl!, 0, rows);
  }

  result(): Column {
    const n = this.#groups;
    const merged = this.#finished();
    const values = new Float64Array(n);
    const flags = new Uint8Array(n);
    for (let g = 0; g < n; g++) {
      const k = g * MERGED;
      const count = merged[k]!;
      if (count < 2) continue;
      flags[g] = 1;
      const variance = divideDouble(merged[k + 3]!, merged[k + 4]!, count - 1);
      values[g] = oneNaN(this.#root ? Math.sqrt(variance) : variance);
    }
    const packed = packValidity(flags, n);
    return { type: DataType.Float64, physical: 'f64', length: n, ...packed, values, dictionary: null };
  }

  #leaveExact(): void {
    const exact = this.#exact!;
    this.#exact = null;
    this.#sums = this.#lent.numbers(this.#groups * STRIDE);
    for (let g = 0; g < this.#groups; g++) {
      // About pivot 0.
      this.#sums[g * STRIDE] = exact[g * EXACT_STRIDE]!;
      this.#sums[g * STRIDE + 2] = exact[g * EXACT_STRIDE + 1]!;
      this.#sums[g * STRIDE + 4] = exact[g * EXACT_STRIDE + 2]!;
    }
  }

  /** Count, mean and squared deviations of each group. */
  #finished(): Float64Array {
    if (this.#merged !== null) return this.#merged;
    const out = this.#lent.numbers(this.#groups * MERGED);
    const exact = this.#exact;
    const s = exact ?? this.#sums;
    for (let g = 0; g < this.#groups; g++) {
      if (exact === null) {
        const k = g * STRIDE;
        finishMoments(out, g * MERGED, s[k]!, s[k + 1]!, s[k + 2]!, s[k + 3]!, s[k + 4]!, s[k + 5]!);
      } else {
        const k = g * EXACT_STRIDE;
        finishMoments(out, g * MERGED, s[k]!, 0, s[k + 1]!, 0, s[k + 2]!, 0);
      }
    }
    return out;
  }
}

/** Count, mean (high, low), squared deviations (high, low). */
const MERGED = 5;

/** From sums about a pivot to mean and squared deviations, at out[k ..]. */
function finishMoments(
  out: Float64Array,
  k: number,
  count: number,
  pivot: number,
  sumHigh: number,
  sumLow: number,
  squaresHigh: number,
  squaresLow: number,
): void {
  if (count === 0) return;
  out[k] = count;
  const shift = divideDouble(sumHigh, sumLow, count);
  const shiftLow = low.part;
  out[k + 1] = addDouble(shift, shiftLow, pivot, 0);
  out[k + 2] = low.part;
  const product = multiplyDouble(shift, shiftLow, sumHigh, sumLow);
  out[k + 3] = addDouble(squaresHigh, squaresLow, -product, -low.part);
  out[k + 4] = low.part;
  notNegative(out, k + 3);
}

/** Rounding must not make a sum of squares negative. */
export function notNegative(out: Float64Array, at: number): void {
  if (out[at]! >= 0 || Number.isNaN(out[at])) return;
  out[at] = 0;
  out[at + 1] = 0;
}

type MergeRows = (
  out: Float64Array,
  group: Int32Array,
  counts: Values,
  meanHigh: Values,
  meanLow: Values,
  squaresHigh: Values,
  squaresLow: Values,
  from: number,
  rows: number,
) => void;

/** Chan, Golub, LeVeque 1979: two sets of values seen as one. */
function mergeRows(rows: number): MergeRows {
  return compileText<MergeRows>(
    ['out', 'group', 'counts', 'meanHigh', 'meanLow', 'squaresHigh', 'squaresLow', 'from', 'rows'],
    `for(let i=from;i<rows;i++){const n=counts[i];if(n===0)continue;
const k=Math.imul(group[i],${MERGED}),before=out[k],all=before+n,xh=meanHigh[i],xl=meanLow[i],yh=squaresHigh[i],yl=squaresLow[i];
out[k]=all;
if(before===0){out[k+1]=xh;out[k+2]=xl;out[k+3]=yh;out[k+4]=yl;continue;}
const oh=out[k+1],ol=out[k+2],nh=-oh,nl=-ol,uh=out[k+3],ul=out[k+4];
${sumOfText('d', ['xh', 'xl'], ['nh', 'nl'])}
${productOfText('w', ['d', 'dl'], ['n', '0'])}
${quotientOfText('p', ['w', 'wl'], 'all')}
${productOfText('q', ['p', 'pl'], ['d', 'dl'])}
${productOfText('b', ['q', 'ql'], ['before', '0'])}
${sumOfText('t', ['uh', 'ul'], ['b', 'bl'])}
${sumOfText('v', ['t', 'tl'], ['yh', 'yl'])}
${sumOfText('m', ['oh', 'ol'], ['p', 'pl'])}
out[k+1]=m;out[k+2]=ml;out[k+3]=v;out[k+4]=vl;}`,
    rows,
  );
}
