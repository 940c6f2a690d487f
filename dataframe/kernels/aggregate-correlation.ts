import { compileText } from '../codegen/wasm/kernel.js';
import { packValidity } from '../column/bitmap.js';
import type { Column } from '../column/column.js';
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
  productText,
  splitText,
} from './double-double.js';
import type { Lent } from './lent.js';
import { oneNaN } from './one-nan.js';
import { PackedSums } from './packed-sums.js';
import { integerBounds, readText } from './read-number.js';

/** Sums of products up to here are exact in a float. */
const EXACT = 2 ** 53;

/** Per group while sums are exact: count, a, b, a², b², ab. */
const EXACT_STRIDE = 6;
/** Per group otherwise: count, pivots of a and b, then a, b, a², b², ab about them, each high and low. */
const STRIDE = 13;
/** Finished: count, then mean of a, mean of b, and squared deviations aa, bb, ab, each high and low. */
const MERGED = 11;

type AddRows = (
  first: unknown,
  second: unknown,
  group: Int32Array,
  mask: Uint8Array | null,
  s: Float64Array,
  from: number,
  rows: number,
) => void;

function addRows(a: Column, b: Column, masked: boolean, exact: boolean): AddRows {
  const skip = masked ? 'if(mask[i]===0)continue;' : '';
  const read = `${readText(a, 'x', 'first')}${readText(b, 'y', 'second')}`;
  const body = exact
    ? 's[k]++;s[k+1]+=x;s[k+2]+=y;s[k+3]+=x*x;s[k+4]+=y*y;s[k+5]+=x*y;'
    : `const c=s[k];s[k]=c+1;if(c===0){s[k+1]=x;s[k+2]=y;}const p=s[k+1],r=s[k+2];
${differenceText('d', 'e', 'x', 'p')}${differenceText('g', 'h', 'y', 'r')}${splitText('d')}${splitText('g')}
${productText('q', 'f', 'd', 'd')}${productText('u', 'v', 'g', 'g')}${productText('m', 'n', 'd', 'g')}
${addText('k+3', 'd', 'e')}${addText('k+5', 'g', 'h')}
${addText('k+7', 'q', '(f+2*d*e)')}${addText('k+9', 'u', '(v+2*g*h)')}${addText('k+11', 'm', '(n+d*h+g*e)')}`;
  return compileText<AddRows>(
    ['first', 'second', 'group', 'mask', 's', 'from', 'rows'],
    `/* corr ${a.physical} ${b.physical} */for(let i=from;i<rows;i++){${skip}const k=Math.imul(group[i],${exact ? EXACT_STRIDE : STRIDE});${read}${body}}`,
    a.length,
  );
}

/**
 * Pearson's correlation, summed and merged like the variance: about a pivot in double-double, then by Chan's formula;
 * small integers are summed as they are, exactly, and stay so in their states. No pair gives null; values that are
 * not finite or do not vary give NaN.
 */
export class CorrelationAccumulator implements Accumulator {
  readonly #lent: Lent;
  #groups = 0;
  /** While not null: all sums are exact. */
  #exact: Float64Array | null = new Float64Array(0);
  readonly #packed: PackedSums;
  /** Bound of the exact sums. */
  #bound = 0;
  #sums: Float64Array = new Float64Array(0);
  #merged: Float64Array | null = null;

  /** States last as long as what is lent. */
  constructor(lent: Lent) {
    this.#lent = lent;
    this.#packed = new PackedSums(lent);
  }

  resize(groups: number): void {
    this.#groups = groups;
    this.#packed.resize(groups);
    if (this.#merged !== null) this.#merged = grownLent(this.#merged, groups * MERGED, this.#lent);
    else if (this.#exact !== null) this.#exact = grownLent(this.#exact, groups * EXACT_STRIDE, this.#lent);
    else this.#sums = grownLent(this.#sums, groups * STRIDE, this.#lent);
  }

  update(
    column: Column | null,
    group: Int32Array,
    rows: number,
    mask: Uint8Array | null,
    other?: Column,
  ): void {
    const a = column!;
    const b = other!;
    if (this.#exact !== null) {
      const [boundsA, boundsB] = [integerBounds(a), integerBounds(b)];
      const most = Math.max(-boundsA.min, boundsA.max, -boundsB.min, boundsB.max);
      this.#bound += rows * most * most;
      if (this.#bound > EXACT) this.#leaveExact();
      else if (this.#packed.fits(boundsA, boundsB, rows, this.#exact)) {
        this.#packed.add(a, b, group, rows, mask);
        return;
      }
    }
    const loop = addRows(a, b, mask !== null, this.#exact !== null);
    loop(a.values, b.values, group, mask, this.#exact ?? this.#sums, 0, rows);
  }

  /** Exact sums as they are, or means and squared deviations. */
  state(): Column[] {
    const n = this.#groups;
    const exact = this.#exactSums();
    const finished = exact === null ? this.#finished() : null;
    const flags = denseColumn(DataType.Bool, 'bool', n, new Uint8Array(n).fill(exact === null ? 0 : 1));
    const zeros = this.#lent.numbers(n);
    const parts = Array.from({ length: MERGED }, (_, part) => {
      const type = part === 0 ? DataType.Int64 : DataType.Float64;
      // What is exact has no low words.
      if (finished === null && part > 0 && part % 2 === 0) return denseColumn(type, 'f64', n, zeros);
      const values = this.#lent.numbers(n, false);
      if (finished !== null) unstride(finished, part, MERGED, values);
      else unstride(exact!, (part + 1) >> 1, EXACT_STRIDE, values);
      return denseColumn(type, 'f64', n, values);
    });
    return [flags, ...parts];
  }

  merge(state: readonly Column[], group: Int32Array, rows: number): void {
    const flags = state[0]!.values as Uint8Array;
    const parts = state.slice(1).map(column => column.values as Float64Array);
    if (this.#exact !== null && this.#mergeExact(flags, parts, group, rows)) return;
    this.#merged = this.#finished();
    this.#exact = null;
    const row = new Float64Array(MERGED);
    const sums = new Float64Array(STRIDE);
    for (let i = 0; i < rows; i++) {
      if (parts[0]![i] === 0) continue;
      row.fill(0);
      if (flags[i] === 0) for (let part = 0; part < MERGED; part++) row[part] = parts[part]![i]!;
      else {
        sums[0] = parts[0]![i]!;
        for (let part = 1; part < MERGED; part++) sums[2 + part] = parts[part]![i]!;
        finishMoments(row, 0, sums);
      }
      mergeMoments(this.#merged, group[i]! * MERGED, row);
    }
  }

  result(): Column {
    const n = this.#groups;
    const merged = this.#finished();
    const values = new Float64Array(n);
    const flags = new Uint8Array(n);
    for (let g = 0; g < n; g++) {
      const k = g * MERGED;
      if (merged[k] === 0) continue;
      flags[g] = 1;
      const spread = Math.sqrt(merged[k + 5]!) * Math.sqrt(merged[k + 7]!);
      // Without spread what is left of the products is a rounding error: no correlation, not a perfect one.
      const r = spread > 0 ? merged[k + 9]! / spread : Number.NaN;
      values[g] = r > 1 ? 1 : r < -1 ? -1 : oneNaN(r);
    }
    const packed = packValidity(flags, n);
    return { type: DataType.Float64, physical: 'f64', length: n, ...packed, values, dictionary: null };
  }

  /** False when the states are not all exact, or their sums together may not be. */
  #mergeExact(flags: Uint8Array, parts: readonly Float64Array[], group: Int32Array, rows: number): boolean {
    const [count, a, , b, , aa, , bb, , ab] = parts as Float64Array[] & { length: 11 };
    let most = 0;
    for (let i = 0; i < rows; i++) {
      if (flags[i] === 0) return false;
      const squares = aa![i]! + bb![i]!;
      if (squares > most) most = squares;
    }
    // No sum is above that of both squares (a count of zeros cannot reach the bound).
    if (this.#bound + rows * most > EXACT) return false;
    this.#bound += rows * most;
    const s = this.#exact!;
    for (let i = 0; i < rows; i++) {
      const k = group[i]! * EXACT_STRIDE;
      s[k]! += count![i]!;
      s[k + 1]! += a![i]!;
      s[k + 2]! += b![i]!;
      s[k + 3]! += aa![i]!;
      s[k + 4]! += bb![i]!;
      s[k + 5]! += ab![i]!;
    }
    return true;
  }

  /** What is exact so far; null when sums are not. */
  #exactSums(): Float64Array | null {
    if (this.#exact !== null) this.#packed.unpack(this.#exact);
    return this.#exact;
  }

  #leaveExact(): void {
    const exact = this.#exactSums()!;
    this.#exact = null;
    this.#sums = new Float64Array(this.#groups * STRIDE);
    for (let g = 0; g < this.#groups; g++) {
      // About pivots of 0.
      this.#sums[g * STRIDE] = exact[g * EXACT_STRIDE]!;
      for (let part = 0; part < 5; part++) {
        this.#sums[g * STRIDE + 3 + 2 * part] = exact[g * EXACT_STRIDE + 1 + part]!;
      }
    }
  }

  #finished(): Float64Array {
    if (this.#merged !== null) return this.#merged;
    const out = new Float64Array(this.#groups * MERGED);
    const exact = this.#exactSums();
    const row = new Float64Array(STRIDE);
    for (let g = 0; g < this.#groups; g++) {
      if (exact === null) {
        for (let part = 0; part < STRIDE; part++) row[part] = this.#sums[g * STRIDE + part]!;
      } else {
        row[0] = exact[g * EXACT_STRIDE]!;
        for (let part = 0; part < 5; part++) row[3 + 2 * part] = exact[g * EXACT_STRIDE + 1 + part]!;
      }
      finishMoments(out, g * MERGED, row);
    }
    return out;
  }
}

/** From one group's sums about pivots to means and squared deviations, at out[k ..]. */
function finishMoments(out: Float64Array, k: number, s: Float64Array): void {
  const count = s[0]!;
  if (count === 0) return;
  out[k] = count;
  const shiftA = divideDouble(s[3]!, s[4]!, count);
  const shiftALow = low.part;
  const shiftB = divideDouble(s[5]!, s[6]!, count);
  const shiftBLow = low.part;
  out[k + 1] = addDouble(shiftA, shiftALow, s[1]!, 0);
  out[k + 2] = low.part;
  out[k + 3] = addDouble(shiftB, shiftBLow, s[2]!, 0);
  out[k + 4] = low.part;
  const aa = multiplyDouble(shiftA, shiftALow, s[3]!, s[4]!);
  out[k + 5] = addDouble(s[7]!, s[8]!, -aa, -low.part);
  out[k + 6] = low.part;
  const bb = multiplyDouble(shiftB, shiftBLow, s[5]!, s[6]!);
  out[k + 7] = addDouble(s[9]!, s[10]!, -bb, -low.part);
  out[k + 8] = low.part;
  const ab = multiplyDouble(shiftA, shiftALow, s[5]!, s[6]!);
  out[k + 9] = addDouble(s[11]!, s[12]!, -ab, -low.part);
  out[k + 10] = low.part;
}

/** Chan, Golub, LeVeque 1979, for two columns and their products. */
function mergeMoments(out: Float64Array, k: number, s: Float64Array): void {
  const before = out[k]!;
  const n = s[0]!;
  if (before === 0) {
    out.set(s, k);
    return;
  }
  const all = before + n;
  out[k] = all;
  const deltaA = addDouble(s[1]!, s[2]!, -out[k + 1]!, -out[k + 2]!);
  const deltaALow = low.part;
  const deltaB = addDouble(s[3]!, s[4]!, -out[k + 3]!, -out[k + 4]!);
  const deltaBLow = low.part;
  const partA = divideDouble(multiplyDouble(deltaA, deltaALow, n, 0), low.part, all);
  const partALow = low.part;
  const partB = divideDouble(multiplyDouble(deltaB, deltaBLow, n, 0), low.part, all);
  const partBLow = low.part;
  addProduct(out, k + 5, before, partA, partALow, deltaA, deltaALow, s[5]!, s[6]!);
  addProduct(out, k + 7, before, partB, partBLow, deltaB, deltaBLow, s[7]!, s[8]!);
  addProduct(out, k + 9, before, partA, partALow, deltaB, deltaBLow, s[9]!, s[10]!);
  out[k + 1] = addDouble(out[k + 1]!, out[k + 2]!, partA, partALow);
  out[k + 2] = low.part;
  out[k + 3] = addDouble(out[k + 3]!, out[k + 4]!, partB, partBLow);
  out[k + 4] = low.part;
}

/** Adds count · part · delta and the other set's own sum to out[at]. */
function addProduct(
  out: Float64Array,
  at: number,
  count: number,
  part: number,
  partLow: number,
  delta: number,
  deltaLow: number,
  own: number,
  ownLow: number,
): void {
  const square = multiplyDouble(part, partLow, delta, deltaLow);
  const between = multiplyDouble(square, low.part, count, 0);
  const sum = addDouble(out[at]!, out[at + 1]!, between, low.part);
  out[at] = addDouble(sum, low.part, own, ownLow);
  out[at + 1] = low.part;
}
