import { VolleyError } from '../../core/base/errors.js';
import { compile } from '../codegen/compile.js';
import { packValidity, type Validity } from '../column/bitmap.js';
import { createBuilder } from '../column/builder.js';
import type { Column, Physical, Values } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { physicalOf } from '../column/layout.js';
import type { FusedGroups } from './fused.js';
import { type FusedSpec, type Layout, sumKind } from './fused-layout.js';
import { unfilledColumn } from './unfilled.js';

/** The groups of a state in the order they are read in. */
interface State {
  readonly groups: FusedGroups;
  readonly count: number;
  /** Place of each group; null: group k is at place k. */
  readonly order: Int32Array | null;
  readonly layout: Layout;
}

/** What is computed of a group, from its numbers at st[b+slot] and its totals at tt[t+slot]. Statements, then a value. */
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
  const counts = () => column(state, DataType.Int64, 'f64', slotOf(layout.count[k]!));
  switch (spec.op) {
    case 'count':
    case 'len':
      return [counts()];
    case 'min':
    case 'max':
      return [extremes(state, k)];
    default: {
      if (sumKind(spec.type) === 'small') {
        const sum = integers(state, k);
        return spec.op === 'mean' ? [sum, counts()] : [sum];
      }
      const word = (slot: number) => column(state, DataType.Float64, 'f64', slotOf(slot));
      const parts = [word(layout.value[k]!), word(layout.value[k]! + 1)];
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
      return column(state, DataType.Int64, 'f64', slotOf(state.layout.count[k]!));
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

function slotOf(slot: number): Formula {
  return { before: '', value: `st[b+${slot}]` };
}

/**
 * A sum, rounded once; one that is not finite is the plain sum, with the bits of the one NaN. Totals of finished entries come first, as foldText adds
 * them up.
 */
function sumOf({ layout, groups }: State, k: number): Formula {
  const slot = layout.value[k]!;
  if (layout.parts[k] === 1) return slotOf(slot);
  const total = layout.total[k]!;
  const ends = 'h-h===0?h+l:h===h?h:NaN';
  if (total < 0 || groups.state.totals.length === 0) {
    return { before: `const h=st[b+${slot}],l=st[b+${slot + 1}];`, value: `(${ends})` };
  }
  const before = `const x=st[b+${slot}],s=tt[t+${total}],h=s+x,z=h-s,l=tt[t+${total + 1}]+((s-(h-z))+(x-z)+st[b+${slot + 1}]);`;
  return { before, value: `(${ends})` };
}

type Loop = (
  st: Float64Array,
  tt: Float64Array,
  order: Int32Array | null,
  out: Values,
  rows: number,
) => number;

function runLoop(state: State, tag: string, text: string, out: Values): number {
  const { order, layout, groups, count } = state;
  const place = order === null ? 'i' : 'order[i]';
  const totals = groups.state.totals.length === 0 ? '' : `const t=g*${layout.totalWidth};`;
  return compile<Loop>(
    ['st', 'tt', 'order', 'out', 'rows'],
    `/* result ${tag} */for(let i=0;i<rows;i++){const g=${place},b=g*${layout.width};${totals}${text}}return 1;`,
  )(groups.state.numbers, groups.state.totals, order, out, count);
}

const noValidity: Validity = { validity: null, nullCount: 0 };

function column(
  state: State,
  type: DataType,
  physical: Physical,
  { before, value }: Formula,
  validity: Validity = noValidity,
): Column {
  return unfilledColumn(
    { type, physical, length: state.count, ...validity, dictionary: null },
    (values, target) => {
      const store =
        target === 'i64' && physical !== 'i64'
          ? `const v=${value};out[2*i]=v|0;out[2*i+1]=Math.floor(v/4294967296);`
          : `out[i]=${value};`;
      runLoop(state, target, `${before}${store}`, values);
    },
  );
}

/** Groups of which no row counted have none of the values that need one. */
function counted(state: State, k: number): Validity {
  const slot = state.layout.count[k]!;
  if (slot < 0) return noValidity;
  const flags = new Uint8Array(state.count);
  runLoop(state, 'flags', `out[i]=st[b+${slot}]===0?0:1;`, flags);
  return packValidity(flags, state.count);
}

function means(state: State, k: number): Column {
  const sum = sumOf(state, k);
  const count = `st[b+${state.layout.count[k]!}]`;
  const value = `${count}===0?0:${sum.value}/${count}`;
  return column(state, DataType.Float64, 'f64', { ...sum, value }, counted(state, k));
}

function extremes(state: State, k: number): Column {
  const { type } = state.groups.specs[k]!;
  const slot = state.layout.count[k]!;
  const found = `st[b+${state.layout.value[k]!}]`;
  const best = sumKind(type) === 'float' ? `(${found}===${found}?${found}:NaN)` : found;
  const value = slot < 0 ? best : `st[b+${slot}]===0?0:${best}`;
  return column(state, type, physicalOf(type), { before: '', value }, counted(state, k));
}

/** Exact 64-bit integers; what is beyond them is INTEGER_OVERFLOW. */
function integers(state: State, k: number): Column {
  const { layout, groups } = state;
  const slot = layout.value[k]!;
  const two = layout.parts[k] === 2;
  const value = two ? `(st[b+${slot}]+st[b+${slot + 1}])` : `st[b+${slot}]`;
  // One number is only used for as few rows as cannot pass 2^53.
  const beyond = `const v=${value};if(v>${Number.MAX_SAFE_INTEGER}||v<${Number.MIN_SAFE_INTEGER})return 0;`;
  const safe = !two || runLoop(state, 'safe', beyond, noValues) === 1;
  if (safe) return column(state, DataType.Int64, 'f64', { before: '', value });
  return exactIntegers(state, groups.specs[k]!, slot);
}

const noValues = new Float64Array(0);

function exactIntegers({ groups, order, layout, count }: State, spec: FusedSpec, slot: number): Column {
  const builder = createBuilder(DataType.Int64, count);
  for (let i = 0; i < count; i++) {
    const b = (order === null ? i : order[i]!) * layout.width + slot;
    const exact = BigInt(groups.state.numbers[b]!) + BigInt(groups.state.numbers[b + 1]!);
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
