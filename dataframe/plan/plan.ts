import { DataType, type Field, type Schema } from '../column/datatype.js';
import type { ExprNode } from '../expr/node.js';
import { typeAggregate } from '../expr/type-aggregate.js';
import { scopeOf, typeExpr } from '../expr/typing.js';
import type { ScanSpec, Split } from '../io/source.js';
import type { AggregateSpec, JoinHow, NamedExpr, SortKey, UnpivotStep } from '../physical/fragment.js';
import { explodedSchema, unpivotSchema } from '../physical/schema.js';
import type { MemoryTable } from './memory-table.js';

/**
 * The logical plan after analysis: every name resolved, every expression typed with its casts, every schema known.
 * Built only through the functions below, which compute `schema`. Immutable: rules share unchanged subtrees.
 */
export type Plan =
  | ScanPlan
  | MemoryPlan
  | { readonly kind: 'filter'; readonly input: Plan; readonly predicate: ExprNode; readonly schema: Schema }
  | ProjectPlan
  | AggregatePlan
  | JoinPlan
  | {
      readonly kind: 'sort';
      readonly input: Plan;
      readonly by: readonly SortKey[];
      /** Only the first so many rows are wanted. */
      readonly limit: number | null;
      readonly schema: Schema;
    }
  | {
      readonly kind: 'limit';
      readonly input: Plan;
      readonly n: number;
      readonly offset: number;
      readonly schema: Schema;
    }
  | { readonly kind: 'tail'; readonly input: Plan; readonly n: number; readonly schema: Schema }
  | { readonly kind: 'concat'; readonly inputs: readonly Plan[]; readonly schema: Schema }
  | ExplodePlan
  | UnpivotPlan
  /** Adds a Float64 column that ascends with the rows. */
  | { readonly kind: 'number'; readonly input: Plan; readonly name: string; readonly schema: Schema }
  /** So many rows, or such a share of them, chosen at random by the seed. */
  | SamplePlan
  | RepartitionPlan;

export interface ExplodePlan {
  readonly kind: 'explode';
  readonly input: Plan;
  readonly columns: readonly string[];
  readonly schema: Schema;
}

export interface UnpivotPlan extends UnpivotStep {
  readonly input: Plan;
  readonly schema: Schema;
}

export interface SamplePlan {
  readonly kind: 'sample';
  readonly input: Plan;
  /** Exactly one of the two is not null. */
  readonly n: number | null;
  readonly fraction: number | null;
  readonly seed: number;
  readonly schema: Schema;
}

/** The same rows in other partitions: `n` of them, or as many as suit the bytes; by key, or in order when `by` is empty. */
export interface RepartitionPlan {
  readonly kind: 'repartition';
  readonly input: Plan;
  readonly n: number | null;
  readonly by: readonly string[];
  readonly schema: Schema;
}

export interface ScanPlan {
  readonly kind: 'scan';
  /** scan.schema is the whole source's; `schema` is scan.columns of it. */
  readonly scan: ScanSpec;
  readonly splits: readonly Split[];
  readonly schema: Schema;
}

export interface MemoryPlan {
  readonly kind: 'memory';
  readonly table: MemoryTable;
  /** Of the partitions as they lie; `schema` is what is wanted of it. */
  readonly whole: Schema;
  readonly schema: Schema;
}

export interface ProjectPlan {
  readonly kind: 'project';
  readonly input: Plan;
  readonly columns: readonly NamedExpr[];
  readonly schema: Schema;
}

/** No keys: one row. No aggregates: the distinct keys. */
export interface AggregatePlan {
  readonly kind: 'aggregate';
  readonly input: Plan;
  readonly keys: readonly string[];
  readonly aggregates: readonly AggregateSpec[];
  readonly schema: Schema;
}

export interface JoinPlan {
  readonly kind: 'join';
  readonly left: Plan;
  readonly right: Plan;
  readonly how: JoinHow;
  readonly leftOn: readonly string[];
  readonly rightOn: readonly string[];
  /** Right columns to output after all left ones. */
  readonly take: readonly { readonly column: string; readonly name: string }[];
  readonly schema: Schema;
}

export function scanPlan(scan: ScanSpec, splits: readonly Split[]): ScanPlan {
  const whole = scan.schema ?? [];
  const schema = scan.columns === null ? whole : scan.columns.map(name => fieldOf(whole, name));
  return { kind: 'scan', scan, splits, schema };
}

/** `columns` null: all of the table's. */
export function memoryPlan(table: MemoryTable, whole: Schema, columns: readonly string[] | null): MemoryPlan {
  const schema = columns === null ? whole : columns.map(name => fieldOf(whole, name));
  return { kind: 'memory', table, whole, schema };
}

export function filterPlan(input: Plan, predicate: ExprNode): Plan {
  return { kind: 'filter', input, predicate, schema: input.schema };
}

export function projectPlan(input: Plan, columns: readonly NamedExpr[]): ProjectPlan {
  const scope = scopeOf(input.schema, 'project');
  const schema = columns.map(({ name, expr }) => ({ name, type: typeExpr(expr, scope).type }));
  return { kind: 'project', input, columns, schema };
}

export function aggregatePlan(
  input: Plan,
  keys: readonly string[],
  aggregates: readonly AggregateSpec[],
): AggregatePlan {
  const schema = [
    ...keys.map(key => fieldOf(input.schema, key)),
    ...aggregates.map(spec => ({ name: spec.name, type: aggregateType(spec, input.schema) })),
  ];
  return { kind: 'aggregate', input, keys, aggregates, schema };
}

function aggregateType(spec: AggregateSpec, schema: Schema): DataType {
  const column = spec.column === null ? null : fieldOf(schema, spec.column);
  const node: ExprNode = { kind: 'column', name: column?.name ?? '' };
  return typeAggregate(spec.op, column && { node, type: column.type }).type;
}

export function joinPlan(join: Omit<JoinPlan, 'kind' | 'schema'>): JoinPlan {
  const taken = join.take.map(({ column, name }) => ({
    name,
    type: fieldOf(join.right.schema, column).type,
  }));
  return { kind: 'join', ...join, schema: [...join.left.schema, ...taken] };
}

export function sortPlan(input: Plan, by: readonly SortKey[], limit: number | null = null): Plan {
  return { kind: 'sort', input, by, limit, schema: input.schema };
}

export function limitPlan(input: Plan, n: number, offset = 0): Plan {
  return { kind: 'limit', input, n, offset, schema: input.schema };
}

export function tailPlan(input: Plan, n: number): Plan {
  return { kind: 'tail', input, n, schema: input.schema };
}

export function concatPlan(inputs: readonly Plan[]): Plan {
  return { kind: 'concat', inputs, schema: inputs[0]?.schema ?? [] };
}

export function explodePlan(input: Plan, columns: readonly string[]): ExplodePlan {
  return { kind: 'explode', input, columns, schema: explodedSchema(columns, input.schema) };
}

export function unpivotPlan(input: Plan, step: Omit<UnpivotStep, 'kind'>): UnpivotPlan {
  const { index, variable, labels, values } = step;
  const schema = unpivotSchema(step, input.schema);
  return { kind: 'unpivot', input, index, variable, labels, values, schema };
}

export function numberPlan(input: Plan, name: string): Plan {
  const schema = [...input.schema, { name, type: DataType.Float64 }];
  return { kind: 'number', input, name, schema };
}

/** A field known to be there. */
export function fieldOf(schema: Schema, name: string): Field {
  const field = schema.find(f => f.name === name);
  if (field === undefined) throw new Error(`volley bug: no column ${name} in ${schema.map(f => f.name)}`);
  return field;
}

export function columnNode(name: string): ExprNode {
  return { kind: 'column', name };
}

/** Projects to these columns, in this order; the plan itself when that is what it has. */
export function pickColumns(input: Plan, names: readonly string[]): Plan {
  const same = names.length === input.schema.length && names.every((n, i) => n === input.schema[i]?.name);
  return same
    ? input
    : projectPlan(
        input,
        names.map(name => ({ name, expr: columnNode(name) })),
      );
}
