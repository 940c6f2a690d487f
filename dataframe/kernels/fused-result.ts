import { VolleyError } from '../../core/base/errors.js';
import { packValidity, type Validity } from '../column/bitmap.js';
import { createBuilder } from '../column/builder.js';
import type { Column } from '../column/column.js';
import { DataType, formatType } from '../column/datatype.js';
import {
  type DecimalType,
  decimalToNumber,
  formatDecimal,
  powerOf10,
  sumType,
  type Unscaled,
} from '../column/decimal.js';
import { columnOfUnscaled } from '../column/decimal-builder.js';
import { hugeShift } from '../column/decimal-entries.js';
import { allocateValues, denseColumn, physicalOf } from '../column/layout.js';
import type { FusedGroups } from './fused.js';
import { type FusedSpec, sumKind } from './fused-layout.js';

/** Numbers of one slot, group by group. */
type ReadSlot = (slot: number) => Float64Array;

/** Reads the state of groups once they are complete. */
export function reader(groups: FusedGroups, count: number): ReadSlot {
  const { width } = groups.layout;
  const { numbers } = groups;
  const order = groups.order();
  return slot => {
    const out = new Float64Array(count);
    if (order === null) for (let k = 0, at = slot; k < count; k++, at += width) out[k] = numbers[at]!;
    else for (let k = 0; k < count; k++) out[k] = numbers[order[k]! * width + slot]!;
    return out;
  };
}

/** The state columns of aggregate k, as stateFields names them. Rows came from one entry. */
export function stateColumns(groups: FusedGroups, k: number, read: ReadSlot, count: number): Column[] {
  const { layout } = groups;
  const spec = groups.specs[k]!;
  const counts = () => denseColumn(DataType.Int64, 'f64', count, read(layout.count[k]!));
  switch (spec.op) {
    case 'count':
    case 'len':
      return [counts()];
    case 'min':
    case 'max':
      return [extremes(groups, k, read, count)];
    default: {
      const { high, low } = sums(groups, k, read);
      if (sumKind(spec.type) === 'small') {
        const sum = integers(spec, high, low, count);
        return spec.op === 'mean' ? [sum, counts()] : [sum];
      }
      const of = (values: Float64Array) => denseColumn(DataType.Float64, 'f64', count, values);
      const parts = [of(high), of(low!)];
      if (sumKind(spec.type) === 'huge') parts.push(...above(groups, k, read).map(of));
      return spec.op === 'mean' ? [...parts, counts()] : parts;
    }
  }
}

/** The result of aggregate k. */
export function resultColumn(groups: FusedGroups, k: number, read: ReadSlot, count: number): Column {
  const { layout } = groups;
  const spec = groups.specs[k]!;
  switch (spec.op) {
    case 'count':
    case 'len':
      return denseColumn(DataType.Int64, 'f64', count, read(layout.count[k]!));
    case 'min':
    case 'max':
      return extremes(groups, k, read, count);
    case 'mean':
      return means(groups, k, read, count);
    default: {
      if (spec.type.kind === 'decimal') {
        return decimals(spec.name, spec.type, unscaledSums(groups, k, read));
      }
      const { high, low } = sums(groups, k, read);
      if (sumKind(spec.type) !== 'float') return integers(spec, high, low, count);
      return denseColumn(DataType.Float64, 'f64', count, rounded(high, low));
    }
  }
}

/** High and low words of a sum; totals with the last entry added. */
function sums(
  groups: FusedGroups,
  k: number,
  read: ReadSlot,
): { high: Float64Array; low: Float64Array | null } {
  const { value, parts, total } = groups.layout;
  const high = read(value[k]!);
  const low = parts[k]! >= 2 ? read(value[k]! + 1) : null;
  if (total[k]! < 0) return { high, low };
  const totalHigh = read(total[k]!);
  const totalLow = read(total[k]! + 1);
  for (let g = 0; g < high.length; g++) {
    const x = high[g]!;
    const s = totalHigh[g]!;
    const t = s + x;
    const z = t - s;
    totalLow[g]! += s - (t - z) + (x - z) + low![g]!;
    totalHigh[g] = t;
  }
  return { high: totalHigh, low: totalLow };
}

/** What a sum of decimals holds above 2^hugeShift, as high and low number. */
function above({ layout, count }: FusedGroups, k: number, read: ReadSlot): Float64Array[] {
  if (layout.parts[k] !== 4) return [new Float64Array(count), new Float64Array(count)];
  return [2, 3].map(part => read(layout.value[k]! + part));
}

/** Rounded once. A sum that is not finite is the plain sum. */
function rounded(high: Float64Array, low: Float64Array | null): Float64Array {
  if (low === null) return high;
  for (let g = 0; g < high.length; g++) {
    const h = high[g]!;
    if (h - h === 0) high[g] = h + low[g]!;
  }
  return high;
}

/** Sums of decimals are exact before they are rounded. */
function floatSums(groups: FusedGroups, k: number, read: ReadSlot): Float64Array {
  const { type } = groups.specs[k]!;
  if (type.kind === 'decimal') {
    return Float64Array.from(unscaledSums(groups, k, read), sum => decimalToNumber(sum, type.scale));
  }
  const { high, low } = sums(groups, k, read);
  return rounded(high, low);
}

function means(groups: FusedGroups, k: number, read: ReadSlot, count: number): Column {
  const values = floatSums(groups, k, read);
  const counts = read(groups.layout.count[k]!);
  const flags = new Uint8Array(count);
  for (let g = 0; g < count; g++) {
    if (counts[g] === 0) continue;
    flags[g] = 1;
    values[g]! /= counts[g]!;
  }
  const type = DataType.Float64;
  return { type, physical: 'f64', length: count, ...packValidity(flags, count), values, dictionary: null };
}

function extremes(groups: FusedGroups, k: number, read: ReadSlot, count: number): Column {
  const { type } = groups.specs[k]!;
  const best = read(groups.layout.value[k]!);
  let packed: Validity = { validity: null, nullCount: 0 };
  const slot = groups.layout.count[k]!;
  if (slot >= 0) {
    const counts = read(slot);
    const flags = new Uint8Array(count);
    for (let g = 0; g < count; g++) {
      if (counts[g] === 0) best[g] = 0;
      else flags[g] = 1;
    }
    packed = packValidity(flags, count);
  }
  const physical = physicalOf(type);
  let values = best as Column['values'];
  if (physical !== 'f64') (values = allocateValues(physical, count)).set(best);
  return { type, physical, length: count, ...packed, values, dictionary: null };
}

/** Exact 64-bit integers; what is beyond them is INTEGER_OVERFLOW. */
function integers(spec: FusedSpec, high: Float64Array, low: Float64Array | null, count: number): Column {
  const sum = new Float64Array(count);
  let safe = true;
  for (let g = 0; g < count; g++) {
    const v = low === null ? high[g]! : high[g]! + low[g]!;
    sum[g] = v;
    if (v > Number.MAX_SAFE_INTEGER || v < Number.MIN_SAFE_INTEGER) safe = false;
  }
  if (safe) return denseColumn(DataType.Int64, 'f64', count, sum);
  const builder = createBuilder(DataType.Int64, count);
  for (let g = 0; g < count; g++) {
    const exact = BigInt(high[g]!) + BigInt(low?.[g] ?? 0);
    if (BigInt.asIntN(64, exact) !== exact) throw overflow(spec.name, DataType.Int64, String(exact));
    builder.appendInt64(Number(BigInt.asIntN(32, exact)), Number(BigInt.asIntN(32, exact >> 32n)));
  }
  return builder.finish();
}

/** Exact sums, as decimals of 38 digits; what is beyond them is INTEGER_OVERFLOW. */
function decimals(name: string, input: DecimalType, sums: readonly Unscaled[]): Column {
  const type = sumType(input);
  const bound = powerOf10(type.precision);
  for (const sum of sums) {
    if (sum >= bound || sum <= -bound) throw overflow(name, type, formatDecimal(sum, type.scale));
  }
  return columnOfUnscaled(type, sums, { validity: null, nullCount: 0 });
}

/** Unscaled sums from high and low numbers, and those of what is above 2^hugeShift. */
function unscaledSums(groups: FusedGroups, k: number, read: ReadSlot): Unscaled[] {
  const { high, low } = sums(groups, k, read);
  const [upper, rest] = above(groups, k, read) as [Float64Array, Float64Array];
  return Array.from(high, (h, g): Unscaled => {
    const plain = h + low![g]!;
    if (Number.isSafeInteger(plain) && upper[g] === 0) return plain;
    const cut = (BigInt(upper[g]!) + BigInt(rest[g]!)) << BigInt(hugeShift);
    return cut + BigInt(h) + BigInt(low![g]!);
  });
}

function overflow(name: string, type: DataType, value: string): VolleyError {
  return new VolleyError(
    'INTEGER_OVERFLOW',
    `sum of "${name}" is ${value}, beyond ${formatType(type)}: cast the input to Float64 first`,
    { column: name, value },
  );
}
