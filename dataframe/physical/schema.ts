import { VolleyError } from '../../core/base/errors.js';
import { DataType, type Field, type Schema } from '../column/datatype.js';
import { columnIndex } from '../column/layout.js';
import { typeAggregate } from '../expr/type-aggregate.js';
import { condition, scopeOf, typeExpr } from '../expr/typing.js';
import type { ScanSpec } from '../io/source.js';
import type { StateField } from '../kernels/accumulator.js';
import { sumKind } from '../kernels/fused-layout.js';
import type {
  AggregateSpec,
  AggregateStep,
  Fragment,
  FragmentOp,
  JoinStep,
  PackStep,
  SampleStep,
  UnpackStep,
  UnpivotStep,
} from './fragment.js';

/** The schema of the rows a scan yields. */
export function scanSchema(scan: ScanSpec): Schema {
  const { schema, columns } = scan;
  if (schema === null) {
    throw new VolleyError('INVALID_ARGUMENT', 'a scan is planned before its source was inspected');
  }
  return columns === null ? schema : columns.map(name => schema[columnIndex(schema, name)]!);
}

/** Type of an aggregate's input column; null type for len. */
export function aggregateInput(step: AggregateStep, spec: AggregateSpec): DataType {
  return spec.column === null ? DataType.Null : step.input[columnIndex(step.input, spec.column)]!.type;
}

/** The type an aggregate gives. */
export function aggregateType(step: AggregateStep, spec: AggregateSpec): DataType {
  if (spec.column === null) return DataType.Int64;
  const type = aggregateInput(step, spec);
  return typeAggregate(spec.op, { node: { kind: 'column', name: spec.column }, type }).type;
}

/** State columns of an aggregate in phase partial. */
export function stateFields(step: AggregateStep, spec: AggregateSpec): StateField[] {
  switch (spec.op) {
    case 'sum':
      return sumFields(aggregateInput(step, spec));
    case 'mean':
      return [...sumFields(aggregateInput(step, spec)), { part: 'count', type: DataType.Int64 }];
    case 'count':
    case 'len':
      return [{ part: 'count', type: DataType.Int64 }];
    case 'first':
    case 'last':
      return [
        { part: 'value', type: aggregateInput(step, spec) },
        { part: 'present', type: DataType.Bool },
      ];
    case 'min':
    case 'max':
      return [{ part: 'value', type: aggregateInput(step, spec) }];
    case 'var':
    case 'std':
      return momentFields(['mean', 'squares']);
    case 'corr':
      return [
        { part: 'exact', type: DataType.Bool },
        ...momentFields(['a', 'b', 'squaresA', 'squaresB', 'products']),
      ];
    case 'quantile':
      return [{ part: 'values', type: DataType.List(DataType.Float64) }];
    case 'approxNUnique':
      return [{ part: 'registers', type: DataType.List(DataType.Int32) }];
    case 'nUnique':
    case 'list':
    case 'topK':
    case 'bottomK':
      return [{ part: 'values', type: DataType.List(aggregateInput(step, spec)) }];
  }
}

/** A count and double-doubles. */
function momentFields(parts: readonly string[]): StateField[] {
  const pairs = parts.flatMap(part => [
    { part: `${part}High`, type: DataType.Float64 },
    { part: `${part}Low`, type: DataType.Float64 },
  ]);
  return [{ part: 'count', type: DataType.Int64 }, ...pairs];
}

/** Small integers add up exactly in one number. */
function sumFields(type: DataType): StateField[] {
  if (sumKind(type) === 'small') return [{ part: 'value', type: DataType.Int64 }];
  const parts = sumKind(type) === 'huge' ? ['high', 'low', 'upperHigh', 'upperLow'] : ['high', 'low'];
  return parts.map(part => ({ part, type: DataType.Float64 }));
}

/** Rows of an aggregate step: keys first, in step order; then results or, in phase partial, states. */
export function aggregateSchema(step: AggregateStep): Schema {
  const keys = step.keys.map(name => step.input[columnIndex(step.input, name)]!);
  if (step.phase !== 'partial') {
    return [...keys, ...step.aggregates.map(spec => ({ name: spec.name, type: aggregateType(step, spec) }))];
  }
  const states = step.aggregates.flatMap((spec, k): Field[] =>
    stateFields(step, spec).map(({ part, type }) => ({ name: `${spec.name}#${k}.${part}`, type })),
  );
  return [...keys, ...states];
}

/** Columns of the build side. */
export function buildSchema(step: JoinStep, inputs: readonly Schema[]): Schema {
  return [step.input, ...(step.parts ?? [])].flatMap(input => inputs[input]!);
}

/** Rows of a join: all flowing columns, then those taken from the build side. */
export function joinSchema(step: JoinStep, left: Schema, build: Schema): Schema {
  const taken = step.take.map(({ column, name }) => ({
    name,
    type: build[columnIndex(build, column)]!.type,
  }));
  return [...left, ...taken];
}

/** Names no user column has. */
export const samplePlaces: Schema = [
  { name: '\u0000task', type: DataType.Float64 },
  { name: '\u0000row', type: DataType.Float64 },
  { name: '\u0000weight', type: DataType.Float64 },
];

/** Rows that came by and how many groups they were of. */
export const surveySchema: Schema = [
  { name: 'rows', type: DataType.Float64 },
  { name: 'groups', type: DataType.Float64 },
];

/** A row for each batch and column that was asked about. */
export const extentsSchema: Schema = [
  { name: 'column', type: DataType.Float64 },
  { name: 'min', type: DataType.Float64 },
  { name: 'max', type: DataType.Float64 },
  { name: 'nulls', type: DataType.Float64 },
  { name: 'dictionary', type: DataType.Utf8 },
];

export function packedSchema({ name, rest }: Omit<PackStep, 'kind'>, before: Schema): Schema {
  return [{ name, type: DataType.Int64 }, ...rest.map(each => before[columnIndex(before, each)]!)];
}

export function unpackedSchema({ name, fields }: Omit<UnpackStep, 'kind'>, before: Schema): Schema {
  const keys = fields.map(({ column, type }) => ({ name: column, type }));
  return [...keys, ...before.filter(field => field.name !== name)];
}
/** Hashes and how many rows have them. */
export const frequentSchema: Schema = [
  { name: 'hash', type: DataType.Float64 },
  { name: 'rows', type: DataType.Float64 },
];

/** The words of a Bloom filter. */
export const bloomSchema: Schema = [{ name: 'bits', type: DataType.Int32 }];

/** Samples: the key columns, each once, then where the row is and how many it stands for. */
export function sampleSchema(step: SampleStep, before: Schema): Schema {
  const names = [...new Set(step.by.map(({ column }) => column))];
  return [...names.map(name => before[columnIndex(before, name)]!), ...samplePlaces];
}

/** Rows with the items of list columns in their place. */
export function explodedSchema(names: readonly string[], before: Schema): Schema {
  return before.map(({ name, type }) => {
    return names.includes(name) && type.kind === 'list' ? { name, type: type.item } : { name, type };
  });
}

/** Rows of an unpivot: index columns, label, values. */
export function unpivotSchema(
  { index, variable, values }: Omit<UnpivotStep, 'kind'>,
  before: Schema,
): Schema {
  const typeOf = (name: string) => before[columnIndex(before, name)]!.type;
  return [
    ...index.map(name => ({ name, type: typeOf(name) })),
    { name: variable, type: DataType.Utf8 },
    ...values.map(({ name, columns }) => ({ name, type: typeOf(columns[0]!) })),
  ];
}

/** Rows after an operator, from the types before it. */
export function operatorSchema(op: FragmentOp, before: Schema, inputs: readonly Schema[]): Schema {
  switch (op.kind) {
    case 'project': {
      const scope = scopeOf(before, 'select');
      return op.columns.map(({ name, expr }) => ({ name, type: typeExpr(expr, scope).type }));
    }
    case 'explode':
      return explodedSchema(op.columns, before);
    case 'unpivot':
      return unpivotSchema(op, before);
    case 'number':
      return [...before, { name: op.name, type: DataType.Float64 }];
    case 'aggregate':
      return aggregateSchema(op);
    case 'survey':
      return surveySchema;
    case 'extents':
      return extentsSchema;
    case 'pack':
      return packedSchema(op, before);
    case 'unpack':
      return unpackedSchema(op, before);
    case 'frequent':
      return frequentSchema;
    case 'bloom':
      return op.phase === 'make' ? bloomSchema : before;
    case 'sample':
      return op.phase === 'take' ? sampleSchema(op, before) : before;
    case 'join':
      return joinSchema(op, before, buildSchema(op, inputs));
    case 'filter':
      condition(op.predicate, scopeOf(before, 'filter'), 'filter');
      return before;
    default:
      return before;
  }
}

/** Rows that a fragment hands to its sink, known without any rows. Empty for an inspection. */
export function fragmentOutputSchema(fragment: Fragment): Schema {
  const { source, ops, inputs } = fragment;
  if (source.kind === 'inspect') return [];
  const first = source.kind === 'scan' ? scanSchema(source.scan) : inputs[source.input]!;
  return ops.reduce((schema, op) => operatorSchema(op, schema, inputs), first);
}
