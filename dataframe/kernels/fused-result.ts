import { VolleyError } from '../../core/base/errors.js';
import { compileText } from '../codegen/wasm/kernel.js';
import { packValidity, type Validity } from '../column/bitmap.js';
import { createBuilder } from '../column/builder.js';
import type { Column, Physical, ValueRange, Values } from '../column/column.js';
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
import { denseColumn, physicalOf } from '../column/layout.js';
import type { FusedGroups } from './fused.js';
import { baseText, type FusedSpec, type Layout, nullInt, slotText, sumKind } from './fused-layout.js';
import { unfilledColumn } from './unfilled.js';

/** The groups of a state in the order they are read in. */
interface State {
  readonly groups: FusedGroups;
  readonly count: number;
  /** Place of each group; null: group k is at place k. */
  readonly order: Int32Array | null;
  readonly layout: Layout;
}

/** What is computed of a group, from its numbers (slotText) and its totals at tt[t+slot]. Statements, then a value. */
interface Formula {
  readonly before: string;
  readonly value: string;
}

/** The state of groups once they are complete. */
export function readState(groups: FusedGroups, count: number): State {
  return { groups, count, order: groups.order(), layout: groups.state.layout };
}

/** The state columns of aggregate k, as stateFields names them. Rows came from one entry. */
export function stateColumns(state: State, k: number): Column[] {
  const { layout, groups } = state;
  const spec = groups.specs[k]!;
  const counts = () =>
    column(state, DataType.Int64, 'f64', slotOf(state, layout.count[k]!), noValidity, groups.range);
  switch (spec.op) {
    case 'count':
    case 'len':
      return [counts()];
    case 'min':
    case 'max':
      return [extremes(state, k)];
    default: {
      if (sumKind(spec.type) === 'small') {
        const sum = integers(state, k, groups.range);
        return spec.op === 'mean' ? [sum, counts()] : [sum];
      }
      const word = (slot: number) => column(state, DataType.Float64, 'f64', slotOf(state, slot));
      const slot = layout.value[k]!;
      const parts = [word(slot), layout.parts[k] === 1 ? zeros(state) : word(slot + 1)];
      if (sumKind(spec.type) === 'huge') parts.push(...above(state, k));
      return spec.op === 'mean' ? [...parts, counts()] : parts;
    }
  }
}

/** The result of aggregate k. */
export function resultColumn(state: State, k: number): Column {
  const spec = state.groups.specs[k]!;
  switch (spec.op) {
    case 'count':
    case 'len':
      return column(state, DataType.Int64, 'f64', slotOf(state, state.layout.count[k]!));
    case 'min':
    case 'max':
      return extremes(state, k);
    case 'mean':
      return means(state, k);
    default:
      if (sumKind(spec.type) !== 'float') return integers(state, k);
      return column(state, DataType.Float64, 'f64', sumOf(state, k));
  }
}

function slotOf({ layout }: State, slot: number): Formula {
  return { before: '', value: slotText(layout, slot) };
}

/**
 * A sum, rounded once; one that is not finite is the plain sum, with the bits of the one NaN. Totals of finished entries come first, as foldText adds
 * them up.
 */
function sumOf(state: State, k: number): Formula {
  const { layout, groups } = state;
  const slot = layout.value[k]!;
  if (layout.parts[k] === 1) return slotOf(state, slot);
  const total = layout.total[k]!;
  const ends = 'h-h===0?h+l:h===h?h:NaN';
  if (total < 0 || groups.state.totals.length === 0) {
    return { before: `const h=st[b+${slot}],l=st[b+${slot + 1}];`, value: `(${ends})` };
  }
  const read = (k: number) => `q===0?0:tt[t+${k}]`;
  const before = `const q=last[g],x=st[b+${slot}],s=${read(total)},h=s+x,z=h-s,l=(${read(total + 1)})+((s-(h-z))+(x-z)+st[b+${slot + 1}]);`;
  return { before, value: `(${ends})` };
}

type Loop = (
  st: Float64Array,
  si: Int32Array,
  tt: Float64Array,
  last: Int32Array,
  order: Int32Array | null,
  out: Values,
  from: number,
  rows: number,
) => number;

/** Gives the number of groups, or that of the one at which the text returned. */
function runLoop(state: State, tag: string, text: string, out: Values): number {
  const { order, layout, groups, count } = state;
  const place = order === null ? 'i' : 'order[i]';
  const totals = groups.state.totals.length === 0 ? '' : `const t=Math.imul(g,${layout.totalWidth});`;
  return compileText<Loop>(
    ['st', 'si', 'tt', 'last', 'order', 'out', 'from', 'rows'],
    `/* result ${tag} */for(let i=from;i<rows;i++){const g=${place};${baseText(layout)}${totals}${text}}return rows;`,
    count,
  )(groups.state.numbers, groups.state.ints, groups.state.totals, groups.state.lasts, order, out, 0, count);
}

const noValidity: Validity = { validity: null, nullCount: 0 };

function column(
  state: State,
  type: DataType,
  physical: Physical,
  { before, value }: Formula,
  validity: Validity = noValidity,
  range: ValueRange | null = null,
): Column {
  const plain = { type, physical, length: state.count, ...validity, dictionary: null };
  return unfilledColumn(range === null ? plain : { ...plain, range }, (values, target) => {
    const store =
      target === 'i64' && physical !== 'i64'
        ? `const v=${value};out[2*i]=v|0;out[2*i+1]=Math.floor(v/4294967296);`
        : `out[i]=${value};`;
    runLoop(state, target, `${before}${store}`, values);
  });
}

/** Groups of which no row counted have none of the values that need one. */
function counted(state: State, k: number): Validity {
  const slot = state.layout.count[k]!;
  return slot < 0 ? noValidity : validWhere(state, `${slotText(state.layout, slot)}===0?0:1`);
}

/** `flag`: text of 1 for a group with a value, else 0. */
function validWhere(state: State, flag: string): Validity {
  const flags = new Uint8Array(state.count);
  runLoop(state, 'flags', `out[i]=${flag};`, flags);
  return packValidity(flags, state.count);
}

function means(state: State, k: number): Column {
  const { type } = state.groups.specs[k]!;
  if (type.kind === 'decimal') return decimalMeans(state, k, type);
  const sum = sumOf(state, k);
  const count = slotText(state.layout, state.layout.count[k]!);
  const value = `${count}===0?0:${sum.value}/${count}`;
  return column(state, DataType.Float64, 'f64', { ...sum, value }, counted(state, k));
}

function extremes(state: State, k: number): Column {
  const { type, op } = state.groups.specs[k]!;
  const slot = state.layout.count[k]!;
  const found = slotText(state.layout, state.layout.value[k]!);
  if (sumKind(type) === 'small' && state.layout.flags.partly[k]!) {
    // What no row was better than is still infinite, or what a null is among integers.
    const narrow = state.layout.value[k]! >= state.layout.width;
    const there = narrow ? `${found}!==${nullInt(op)}` : `${found}-${found}===0`;
    const formula = { before: '', value: `${there}?${found}:0` };
    return column(state, type, physicalOf(type), formula, validWhere(state, `${there}?1:0`));
  }
  const best = sumKind(type) === 'float' ? `(${found}===${found}?${found}:NaN)` : found;
  const value = slot < 0 ? best : `${slotText(state.layout, slot)}===0?0:${best}`;
  return column(state, type, physicalOf(type), { before: '', value }, counted(state, k));
}

/** Exact 64-bit integers, or decimals of 38 digits; what is beyond them is INTEGER_OVERFLOW. */
function integers(state: State, k: number, range: ValueRange | null = null): Column {
  const spec = state.groups.specs[k]!;
  const type = spec.type.kind === 'decimal' ? sumType(spec.type) : DataType.Int64;
  const value = integerText(state, k);
  if (isSafe(state, k, value)) return column(state, type, 'f64', { before: '', value }, noValidity, range);
  if (spec.type.kind === 'decimal') return decimals(spec.name, spec.type, unscaledSums(state, k));
  return exactIntegers(state, spec, state.layout.value[k]!);
}

function integerText({ layout }: State, k: number): string {
  const slot = layout.value[k]!;
  return layout.parts[k] === 1 ? slotText(layout, slot) : `(st[b+${slot}]+st[b+${slot + 1}])`;
}

/** True when all sums are safe integers. One number is only used for as few rows as cannot pass 2^53. */
function isSafe(state: State, k: number, value: string): boolean {
  const { layout } = state;
  if (layout.parts[k] === 1) return true;
  const slot = layout.value[k]!;
  const above = layout.parts[k] === 4 ? `||st[b+${slot + 2}]!==0||st[b+${slot + 3}]!==0` : '';
  const beyond = `const v=${value};if(v>${Number.MAX_SAFE_INTEGER}||v<${Number.MIN_SAFE_INTEGER}${above})return i;`;
  return runLoop(state, 'safe', beyond, noValues) === state.count;
}

const noValues = new Float64Array(0);

function exactIntegers({ groups, order, layout, count }: State, spec: FusedSpec, slot: number): Column {
  const builder = createBuilder(DataType.Int64, count);
  for (let i = 0; i < count; i++) {
    const b = (order === null ? i : order[i]!) * layout.width + slot;
    const exact = BigInt(groups.state.numbers[b]!) + BigInt(groups.state.numbers[b + 1]!);
    if (BigInt.asIntN(64, exact) !== exact) throw overflow(spec.name, DataType.Int64, String(exact));
    builder.appendInt64(Number(BigInt.asIntN(32, exact)), Number(BigInt.asIntN(32, exact >> 32n)));
  }
  return builder.finish();
}

function decimals(name: string, input: DecimalType, sums: readonly Unscaled[]): Column {
  const type = sumType(input);
  const bound = powerOf10(type.precision);
  for (const sum of sums) {
    if (sum >= bound || sum <= -bound) throw overflow(name, type, formatDecimal(sum, type.scale));
  }
  return columnOfUnscaled(type, sums, noValidity);
}

/** Sums of decimals are exact before they are rounded. */
function decimalMeans(state: State, k: number, { scale }: DecimalType): Column {
  const { layout, count } = state;
  const validity = counted(state, k);
  const plain = integerText(state, k);
  if (scale <= 22 && isSafe(state, k, plain)) {
    const rows = slotText(layout, layout.count[k]!);
    const value = `${rows}===0?0:${plain}/${10 ** scale}/${rows}`;
    return column(state, DataType.Float64, 'f64', { before: '', value }, validity);
  }
  const rows = numbersOf(state, layout.count[k]!);
  const sums = unscaledSums(state, k);
  const values = rows.map((n, g) => (n === 0 ? 0 : decimalToNumber(sums[g]!, scale) / n));
  return { ...denseColumn(DataType.Float64, 'f64', count, values), ...validity };
}

/** Exact sums from high and low numbers, and those of what is above 2^hugeShift. */
function unscaledSums(state: State, k: number): Unscaled[] {
  const { value, parts } = state.layout;
  const slot = value[k]!;
  const [high, low] = [numbersOf(state, slot), numbersOf(state, slot + 1)];
  const four = parts[k] === 4;
  const upper = four ? numbersOf(state, slot + 2) : null;
  const rest = four ? numbersOf(state, slot + 3) : null;
  return Array.from(high, (h, g): Unscaled => {
    const plain = h + low[g]!;
    const cut = upper === null ? 0n : BigInt(upper[g]!) + BigInt(rest![g]!);
    if (Number.isSafeInteger(plain) && cut === 0n) return plain;
    return (cut << BigInt(hugeShift)) + BigInt(h) + BigInt(low[g]!);
  });
}

/** What a sum of huge decimals holds above 2^hugeShift, as high and low number. */
function above(state: State, k: number): Column[] {
  const { layout } = state;
  return [2, 3].map(part =>
    layout.parts[k] === 4
      ? column(state, DataType.Float64, 'f64', slotOf(state, layout.value[k]! + part))
      : zeros(state),
  );
}

function zeros({ count }: State): Column {
  return denseColumn(DataType.Float64, 'f64', count, new Float64Array(count));
}

/** The numbers of one slot, group by group. */
function numbersOf(state: State, slot: number): Float64Array {
  const out = new Float64Array(state.count);
  runLoop(state, 'read', `out[i]=${slotText(state.layout, slot)};`, out);
  return out;
}

function overflow(name: string, type: DataType, value: string): VolleyError {
  return new VolleyError(
    'INTEGER_OVERFLOW',
    `sum of "${name}" is ${value}, beyond ${formatType(type)}: cast the input to Float64 first`,
    { column: name, value },
  );
}
