import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import { DataType, formatType } from '../column/datatype.js';
import type { AggregateOp, ExprNode } from '../expr/node.js';
import { coerce, commonType, comparable, isNumeric } from '../expr/operands.js';
import { caseBranch } from '../expr/traverse.js';
import type { NamedExpr } from '../physical/fragment.js';
import { aggregateExprs } from './aggregate.js';
import { refuseNestedKeys, requireColumns } from './checks.js';
import { columnNode, explodePlan, type Plan, projectPlan, unpivotPlan } from './plan.js';
import { checkNames, expand } from './select.js';
import type { PivotVerb, Verb } from './verb.js';

type ExplodeVerb = Extract<Verb, { kind: 'explode' }>;
type UnpivotVerb = Extract<Verb, { kind: 'unpivot' }>;

export function analyzeExplode(verb: ExplodeVerb, input: Plan): Plan {
  const { names } = verb;
  requireColumns(names, input.schema, 'explode');
  for (const { name, type } of input.schema) {
    if (!names.includes(name) || type.kind === 'list') continue;
    throw new VolleyError(
      'TYPE_MISMATCH',
      `explode: ${JSON.stringify(name)} is ${formatType(type)}, not a list. Name columns of lists, such as those .list() and .topK(n) give.`,
      { column: name },
    );
  }
  return explodePlan(input, names);
}

export function analyzeUnpivot(verb: UnpivotVerb, input: Plan): Plan {
  const { variableName, valueName } = verb;
  const names = input.schema.map(f => f.name);
  const index = verb.index ?? (verb.on === null ? [] : names.filter(n => !verb.on!.includes(n)));
  const on = verb.on ?? names.filter(n => !index.includes(n));
  requireColumns([...index, ...on], input.schema, 'unpivot');
  checkNames([...index, variableName, valueName], 'unpivot');
  const fields = input.schema.filter(f => on.includes(f.name));
  if (fields.length === 0) {
    throw new VolleyError('INVALID_ARGUMENT', "unpivot needs at least one column: { on: ['a', 'b'] }");
  }
  let type: DataType | null = fields[0]!.type;
  for (const field of fields) {
    type = commonType(type, field.type);
    if (type !== null) continue;
    throw new VolleyError(
      'TYPE_MISMATCH',
      `unpivot: ${fields.map(f => `${JSON.stringify(f.name)} (${formatType(f.type)})`).join(', ')} have no common type. Cast them first.`,
      { columns: on },
    );
  }
  const columns = input.schema
    .filter(f => index.includes(f.name) || on.includes(f.name))
    .map((f): NamedExpr => {
      const typed = { node: columnNode(f.name), type: f.type };
      return { name: f.name, expr: on.includes(f.name) ? coerce(typed, type).node : typed.node };
    });
  const values = [{ name: valueName, columns: on }];
  return unpivotPlan(projectPlan(input, columns), { index, variable: variableName, labels: on, values });
}

/** One value of the pivoted column: what it is called, and what it is. */
export interface PivotValue {
  readonly name: string;
  /** A literal; null for null. */
  readonly value: ExprNode | null;
}

/** Groups by `index`; each value of `on` becomes an aggregate over the rows that have it. */
export function analyzePivot(verb: PivotVerb, input: Plan, found: readonly PivotValue[]): Plan {
  const { index, on, values, aggregate } = verb;
  requireColumns([...index, on, ...values], input.schema, 'pivot');
  refuseNestedKeys([...index, on], input.schema, 'pivot');
  if (found.length * values.length > limits.partitionColumns) {
    throw new VolleyError(
      'RESOURCE_EXHAUSTED',
      `pivot: ${JSON.stringify(on)} has ${found.length} values, each a column: name those you need with onValues`,
      { column: on, values: found.length },
    );
  }
  const outputs = values.flatMap(column =>
    found.map(({ name, value }): NamedExpr => {
      const key = columnNode(on);
      const filter: ExprNode =
        value === null
          ? { kind: 'call', fn: 'isNull', args: [key] }
          : { kind: 'call', fn: 'eq', args: [key, value] };
      return {
        name: values.length === 1 ? name : `${column}_${name}`,
        expr: pivoted(aggregate, columnNode(column), filter),
      };
    }),
  );
  checkNames([...index, ...outputs.map(o => o.name)], 'pivot');
  return aggregateExprs(input, expand(index.map(columnNode), input.schema, 'pivot'), outputs, 'pivot');
}

/** A sum over no row at all is null here: there was nothing in that cell. */
function pivoted(aggregate: PivotVerb['aggregate'], input: ExprNode, filter: ExprNode): ExprNode {
  if (aggregate === 'len') return { kind: 'aggregate', op: 'len', input: null, filter };
  if (aggregate === 'median') return { kind: 'aggregate', op: 'quantile', input, filter, param: 0.5 };
  const value: ExprNode = { kind: 'aggregate', op: aggregate, input, filter };
  if (aggregate !== 'sum') return value;
  const rows: ExprNode = { kind: 'aggregate', op: 'len', input: null, filter };
  const none: ExprNode = { kind: 'literal', value: 0, type: DataType.Int64 };
  const some: ExprNode = { kind: 'call', fn: 'gt', args: [rows, none] };
  const otherwise: ExprNode = { kind: 'literal', value: null, type: DataType.Null };
  return { kind: 'case', branches: [caseBranch(some, value)], otherwise };
}

const statistics = ['count', 'null_count', 'mean', 'std', 'min', '25%', '50%', '75%', 'max'];

/** One row per statistic, one column per column: Float64 for numbers and booleans, text for everything else. */
export function analyzeDescribe(input: Plan): Plan {
  const { schema } = input;
  if (schema.length === 0) throw new VolleyError('INVALID_ARGUMENT', 'describe needs at least one column');
  checkNames(['statistic', ...schema.map(f => f.name)], 'describe');
  const outputs = schema.flatMap(({ name, type }, c) =>
    statistics.map((statistic): NamedExpr => {
      return { name: `${c}:${statistic}`, expr: statisticOf(statistic, columnNode(name), type) };
    }),
  );
  const values = schema.map(({ name }, c) => ({ name, columns: statistics.map(s => `${c}:${s}`) }));
  const one = aggregateExprs(input, [], outputs, 'describe');
  return unpivotPlan(one, { index: [], variable: 'statistic', labels: statistics, values });
}

function statisticOf(statistic: string, column: ExprNode, type: DataType): ExprNode {
  const number = isNumeric(type) || type.kind === 'bool' || type.kind === 'null';
  const out = number ? DataType.Float64 : DataType.Utf8;
  const cast = (input: ExprNode): ExprNode => ({ kind: 'cast', input, type: out, strict: true });
  const aggregate = (op: AggregateOp, param?: number): ExprNode => {
    const extra = param === undefined ? {} : { param };
    return { kind: 'aggregate', op, input: column, filter: null, ...extra };
  };
  switch (statistic) {
    case 'count':
      return cast(aggregate('count'));
    case 'null_count': {
      const rows: ExprNode = { kind: 'aggregate', op: 'len', input: null, filter: null };
      return cast({ kind: 'call', fn: 'sub', args: [rows, aggregate('count')] });
    }
    case 'min':
    case 'max':
      if (number || (comparable.has(type.kind) && type.kind !== 'duration'))
        return cast(aggregate(statistic));
      break;
    case 'mean':
    case 'std':
      if (number) return cast(aggregate(statistic));
      break;
    default:
      if (number) return aggregate('quantile', Number.parseInt(statistic, 10) / 100);
  }
  return {
    kind: 'cast',
    input: { kind: 'literal', value: null, type: DataType.Null },
    type: out,
    strict: true,
  };
}
