import { assertNever } from '../../../core/base/assert.js';
import type { DataType, Schema } from '../../column/datatype.js';
import { columnsOf } from '../../expr/traverse.js';
import {
  aggregatePlan,
  concatPlan,
  fieldOf,
  type JoinPlan,
  joinPlan,
  memoryPlan,
  type Plan,
  pickColumns,
  projectPlan,
  type ScanPlan,
  scanPlan,
} from '../../plan/plan.js';
import { inputsOf, withInputs } from '../../plan/traverse.js';
import type { Rule } from '../rule.js';

/** Reads only the columns that something above needs, and carries no others through joins and shuffles. */
export const pushProjections: Rule = {
  name: 'push-projections',
  apply: plan =>
    exactly(
      plan,
      plan.schema.map(f => f.name),
    ),
};

/** The plan narrowed to these columns, in this order. */
function exactly(plan: Plan, names: readonly string[]): Plan {
  return pickColumns(narrow(plan, new Set(names)), names);
}

/** The plan with its own columns narrowed to those `needed`: for inputs of nodes that move rows. */
function only(plan: Plan, needed: ReadonlySet<string>): Plan {
  return exactly(plan, keep(plan.schema, needed));
}

/** The plan with at least the columns needed, in the plan's order; the same reference where nothing is left out. */
function narrow(plan: Plan, needed: ReadonlySet<string>): Plan {
  switch (plan.kind) {
    case 'scan':
      return narrowScan(plan, needed);
    case 'memory': {
      const names = keep(plan.schema, needed);
      return names.length === plan.schema.length ? plan : memoryPlan(plan.table, plan.whole, names);
    }
    case 'filter':
      return withInputs(plan, [narrow(plan.input, columnsOf(plan.predicate, new Set(needed)))]);
    case 'project': {
      const names = new Set(keep(plan.schema, needed));
      const columns = plan.columns.filter(c => names.has(c.name));
      const below = new Set<string>();
      for (const { expr } of columns) columnsOf(expr, below);
      const input = narrow(plan.input, below);
      return columns.length === plan.columns.length ? withInputs(plan, [input]) : projectPlan(input, columns);
    }
    case 'aggregate':
      return narrowAggregate(plan, needed);
    case 'join':
      return narrowJoin(plan, needed);
    case 'sort': {
      const below = new Set([...needed, ...plan.by.map(k => k.column)]);
      return withInputs(plan, [only(plan.input, below)]);
    }
    case 'repartition':
      return withInputs(plan, [only(plan.input, new Set([...needed, ...plan.by]))]);
    case 'explode':
      return withInputs(plan, [narrow(plan.input, new Set([...needed, ...plan.columns]))]);
    case 'unpivot': {
      const values = plan.values.flatMap(value => value.columns);
      return withInputs(plan, [only(plan.input, new Set([...plan.index, ...values]))]);
    }
    case 'number': {
      const input = narrow(plan.input, needed);
      return needed.has(plan.name) ? withInputs(plan, [input]) : input;
    }
    case 'sample':
    case 'limit':
    case 'tail':
      return withInputs(plan, [only(plan.input, needed)]);
    case 'concat': {
      const names = keep(plan.schema, needed);
      const inputs = inputsOf(plan).map(input => exactly(input, names));
      return inputs.every((input, i) => input === plan.inputs[i]) ? plan : concatPlan(inputs);
    }
    default:
      return assertNever(plan);
  }
}

function narrowScan(plan: ScanPlan, needed: ReadonlySet<string>): Plan {
  const names = keep(plan.schema, needed);
  if (names.length === plan.schema.length) return plan;
  return scanPlan({ ...plan.scan, columns: names }, plan.splits);
}

function narrowAggregate(plan: Extract<Plan, { kind: 'aggregate' }>, needed: ReadonlySet<string>): Plan {
  let aggregates = plan.aggregates.filter(spec => needed.has(spec.name));
  if (aggregates.length === 0 && plan.keys.length === 0) aggregates = plan.aggregates.slice(0, 1);
  const below = new Set(plan.keys);
  for (const { column, filter, other } of aggregates) {
    if (column !== null) below.add(column);
    if (other !== undefined) below.add(other);
    if (filter !== null) below.add(filter);
  }
  const input = only(plan.input, below);
  if (aggregates.length === plan.aggregates.length) return withInputs(plan, [input]);
  return aggregatePlan(input, plan.keys, aggregates);
}

function narrowJoin(plan: JoinPlan, needed: ReadonlySet<string>): Plan {
  const take = plan.take.filter(t => needed.has(t.name));
  const left = only(plan.left, new Set([...needed, ...plan.leftOn]));
  const right = only(plan.right, new Set([...take.map(t => t.column), ...plan.rightOn]));
  if (take.length === plan.take.length) return withInputs(plan, [left, right]);
  return joinPlan({ ...plan, left, right, take });
}

/** Names needed, in the schema's order. At least one stays, the cheapest: columns also carry the number of rows. */
function keep(schema: Schema, needed: ReadonlySet<string>): string[] {
  const names = schema.map(f => f.name).filter(name => needed.has(name));
  if (names.length > 0 || schema.length === 0) return names;
  const cost = (name: string) => width(fieldOf(schema, name).type);
  return [schema.map(f => f.name).reduce((best, name) => (cost(name) < cost(best) ? name : best))];
}

/** Bytes of a value, roughly, for choosing what is cheapest to read. */
function width(type: DataType): number {
  if (type.kind === 'bool' || type.kind === 'null') return 1;
  const bits = /^(?:u?int|float)(\d+)$/.exec(type.kind);
  if (bits !== null) return Number(bits[1]) / 8;
  return type.kind === 'date' ? 4 : type.kind === 'timestamp' || type.kind === 'duration' ? 8 : 16;
}
