import { VolleyError } from '../../core/base/errors.js';
import { packValidity, type Validity } from '../column/bitmap.js';
import { createBuilder } from '../column/builder.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { allocateValues, denseColumn, physicalOf } from '../column/layout.js';
import type { FusedGroups } from './fused.js';
import { type FusedSpec, sumKind } from './fused-layout.js';
import { oneNaN } from './one-nan.js';

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
  const low = parts[k] === 2 ? read(value[k]! + 1) : null;
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

/** Rounded once. A sum that is not finite is the plain sum, with the bits of the one NaN. */
function rounded(high: Float64Array, low: Float64Array | null): Float64Array {
  if (low === null) return high;
  for (let g = 0; g < high.length; g++) {
    const h = high[g]!;
    high[g] = h - h === 0 ? h + low[g]! : oneNaN(h);
  }
  return high;
}

function means(groups: FusedGroups, k: number, read: ReadSlot, count: number): Column {
  const { high, low } = sums(groups, k, read);
  const values = rounded(high, low);
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
  if (physical === 'f64' || physical === 'f32') for (let g = 0; g < count; g++) best[g] = oneNaN(best[g]!);
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
    if (BigInt.asIntN(64, exact) !== exact) throw overflow(spec.name, exact);
    builder.appendInt64(Number(BigInt.asIntN(32, exact)), Number(BigInt.asIntN(32, exact >> 32n)));
  }
  return builder.finish();
}

function overflow(name: string, sum: bigint): VolleyError {
  return new VolleyError(
    'INTEGER_OVERFLOW',
    `sum of "${name}" is ${sum}, beyond Int64: cast the input to Float64 first`,
    { column: name, value: String(sum) },
  );
}
