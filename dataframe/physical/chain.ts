import { assertNever } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import type { Batch } from '../column/column.js';
import { formatType, type Schema, sameType } from '../column/datatype.js';
import type { SharedDictionaries } from '../column/dictionary-cache.js';
import { decodeBatch } from '../column/slab.js';
import { columnsOf } from '../expr/traverse.js';
import { concatBatches } from '../kernels/concat.js';
import { distinctText } from '../kernels/distinct-text.js';
import type { Lent } from '../kernels/lent.js';
import { readRecords } from './build-rows.js';
import type { BuildSides } from './build-sides.js';
import type { Fragment, FragmentOp, JoinStep } from './fragment.js';
import { readTable } from './join-slab.js';
import type { Emit, Operator } from './operator.js';
import { aggregateOperator } from './operators/aggregate.js';
import { explodeOperator } from './operators/explode.js';
import { filterOperator } from './operators/filter.js';
import { type JoinSide, joinOperator, joinSide, readSide } from './operators/join.js';
import { limitOperator, tailOperator } from './operators/limit.js';
import { numberOperator } from './operators/number.js';
import { projectOperator } from './operators/project.js';
import { sampleOperator, splitterOperator } from './operators/sample.js';
import { sortOperator } from './operators/sort.js';
import { surveyOperator } from './operators/survey.js';
import { unpivotOperator } from './operators/unpivot.js';
import { buildSchema } from './schema.js';
import type { FragmentInput } from './task.js';

/** The operators of one task, in order, and what comes out behind the last one. */
export interface Chain {
  /** No operator looks at text. */
  readonly movesOnly: boolean;
  /** True when no further input can change the output. */
  readonly done: boolean;
  push(batch: Batch, entry: number): void;
  finish(): void;
}

/** What one task reads, by dependency. */
export interface TaskInputs {
  readonly tables: readonly (readonly FragmentInput[])[];
  /** The task's number in its layer. */
  readonly position: number;
  /** One for all of it, so that equal dictionaries are one object. */
  readonly shared: SharedDictionaries;
  /** Given back when the task's result is stored. */
  readonly lent: Lent;
  /** Of all tasks of the layer in this thread. */
  readonly builds: BuildSides;
}

/** All entries of a dependency of the fragment: their schema must be what the plan says. */
export function decodeInput(
  { tables, shared }: TaskInputs,
  input: number,
  schema: Schema,
  read: ReadonlySet<string> | null = null,
): Batch[] {
  return (tables[input] ?? []).map(({ header, bytes, trusted }) => {
    const batch = decodeBatch(header, bytes, shared, read, trusted);
    return checkSchema(batch, schema);
  });
}

function checkSchema(batch: Batch, schema: Schema): Batch {
  const same =
    batch.schema.length === schema.length &&
    schema.every(({ name, type }, c) => {
      const field = batch.schema[c]!;
      return field.name === name && sameType(field.type, type);
    });
  if (same) return batch;
  const text = (s: Schema) => s.map(f => `${f.name}: ${formatType(f.type)}`).join(', ');
  throw new VolleyError(
    'CORRUPT_PARTITION',
    `a partition holds (${text(batch.schema)}) instead of (${text(schema)})`,
  );
}

/** The columns of the source that the first operators look at; null where all of them go on. */
export function readColumns(all: readonly FragmentOp[]): ReadonlySet<string> | null {
  const names = new Set<string>();
  // A limit passes on what it does not look at: a survey has one in front.
  const ops = all[0]?.kind === 'limit' ? all.slice(1) : all;
  for (const op of ops) {
    if (op.kind === 'survey') {
      for (const name of op.keys) names.add(name);
      return names;
    }
    if (op.kind === 'filter') columnsOf(op.predicate, names);
    else if (op.kind === 'project') {
      for (const { expr } of op.columns) columnsOf(expr, names);
      // A filter before it is part of the same loop; two are not.
      return op === ops[0] || (op === ops[1] && ops[0]!.kind === 'filter') ? names : null;
    } else if (op.kind === 'aggregate' && op === ops[0] && op.phase !== 'final') {
      for (const name of op.keys) names.add(name);
      for (const { column, filter, other } of op.aggregates) {
        for (const name of [column, filter, other]) if (name != null) names.add(name);
      }
      return names;
    } else return null;
  }
  return null;
}

/** Makes the operators with the state of one task. `inputs` are read by joins. */
export function buildChain(
  fragment: Fragment,
  source: Schema,
  inputs: TaskInputs,
  emit: (batch: Batch) => void,
): { chain: Chain; schema: Schema } {
  const operators: Operator[] = [];
  let schema = source;
  const { ops } = fragment;
  for (let k = 0; k < ops.length; k++) {
    const op = ops[k]!;
    const next = ops[k + 1];
    let operator: Operator;
    if (op.kind === 'filter' && next?.kind === 'project') {
      operator = projectOperator(next.columns, schema, op.predicate);
      k++;
    } else operator = operatorOf(op, schema, fragment, inputs);
    operators.push(operator);
    schema = operator.schema;
  }
  return { chain: chainOf(operators, emit), schema };
}

function operatorOf(op: FragmentOp, schema: Schema, fragment: Fragment, inputs: TaskInputs): Operator {
  switch (op.kind) {
    case 'filter':
      return filterOperator(op.predicate, schema);
    case 'project':
      return projectOperator(op.columns, schema, null);
    case 'limit':
      return limitOperator(op.n, op.offset, schema);
    case 'tail':
      return tailOperator(op.n, schema);
    case 'sort':
      return sortOperator(op.by, op.limit, schema, inputs.lent);
    case 'survey':
      return surveyOperator(op, schema);
    case 'sample':
      return op.phase === 'take' ? sampleOperator(op, schema, inputs.position) : splitterOperator(op, schema);
    case 'explode':
      return explodeOperator(op.columns, schema);
    case 'unpivot':
      return unpivotOperator(op, schema);
    case 'number':
      return numberOperator(op, schema, inputs.position);
    case 'aggregate':
      return aggregateOperator(op);
    case 'join':
      return joinOperator(op, schema, sideOf(op, fragment, inputs));
    default:
      return assertNever(op);
  }
}

/** The build side of a join: of an earlier task of this thread, or read and, where that is not done yet, made ready. */
function sideOf(op: JoinStep, fragment: Fragment, inputs: TaskInputs): JoinSide {
  const { parts = [] } = op;
  const entries = [op.input, ...parts].flatMap(input => inputs.tables[input] ?? []);
  const make = () => {
    // May outlive the task, and so has dictionaries of its own.
    const own = { ...inputs, shared: new Map() };
    const read = (input: number) => {
      const schema = fragment.inputs[input]!;
      if (input !== op.records) return decodeInput(own, input, schema);
      return inputs.tables[input]!.map(entry => checkSchema(readRecords(entry, own.shared), schema));
    };
    if (op.parts === undefined)
      return joinSide(op, concatBatches(fragment.inputs[op.input]!, read(op.input)));
    const batches = [op.input, ...parts].flatMap(read);
    const schema = buildSchema(op, fragment.inputs);
    const rows = { schema, rows: batches[0]!.rows, columns: batches.flatMap(batch => batch.columns) };
    return readSide(op, rows, readTable(entries[0]!, op.rightOn.length));
  };
  return op.shared ? inputs.builds.of(op.input, entries, make) : make();
}

/** Operators that only move rows take text as it comes. */
const looksAtText = (operator: Operator) => operator.movesOnly !== true;

function chainOf(operators: readonly Operator[], emit: (batch: Batch) => void): Chain {
  const emits: Emit[] = [];
  for (let k = operators.length; k >= 0; k--) {
    const operator = operators[k];
    const next = emits[k + 1];
    if (operator === undefined) emits[k] = batch => emit(batch);
    else {
      emits[k] = (batch, entry) => {
        if (batch.rows > 0 && !operator.done)
          operator.push(looksAtText(operator) ? distinctText(batch) : batch, entry, next!);
      };
    }
  }
  return {
    movesOnly: !operators.some(looksAtText),
    get done() {
      return operators.some(operator => operator.done);
    },
    push: emits[0]!,
    finish() {
      operators.forEach((operator, k) => {
        operator.finish(emits[k + 1]!);
      });
    },
  };
}
