import { assertNever } from '../../core/base/assert.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { concatBatches, concatMoved } from '../kernels/concat.js';
import { distinctText } from '../kernels/distinct-text.js';
import { readRecords } from './build-rows.js';
import type { Fragment, FragmentOp, JoinStep } from './fragment.js';
import { readTable } from './join-slab.js';
import type { Emit, Operator } from './operator.js';
import { aggregateOperator } from './operators/aggregate.js';
import { makeBloomOperator, testBloomOperator } from './operators/bloom.js';
import { explodeOperator } from './operators/explode.js';
import { extentsOperator } from './operators/extents.js';
import { filterOperator } from './operators/filter.js';
import { frequentOperator } from './operators/frequent.js';
import { type JoinSide, joinOperator, joinSide, readSide } from './operators/join.js';
import { limitOperator, tailOperator } from './operators/limit.js';
import { numberOperator } from './operators/number.js';
import { packOperator, unpackOperator } from './operators/pack.js';
import { projectOperator } from './operators/project.js';
import { sampleOperator, splitterOperator } from './operators/sample.js';
import { sortOperator } from './operators/sort.js';
import { surveyOperator } from './operators/survey.js';
import { unpivotOperator } from './operators/unpivot.js';
import { buildSchema } from './schema.js';
import { readEntry } from './task.js';
import { checkSchema, decodeInput, type TaskInputs } from './task-inputs.js';

/** The operators of one task, in order, and what comes out behind the last one. */
export interface Chain {
  /** No operator looks at text. */
  readonly movesOnly: boolean;
  /** True when no further input can change the output. */
  readonly done: boolean;
  push(batch: Batch, entry: number): void;
  finish(): void;
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
      return filterOperator(op.predicate, schema, inputs.lent);
    case 'project':
      return projectOperator(op.columns, schema, null);
    case 'limit':
      return limitOperator(op.n, op.offset, schema);
    case 'tail':
      return tailOperator(op.n, schema);
    case 'sort':
      return sortOperator(op.by, op.limit, schema, inputs.lent);
    case 'survey':
      return surveyOperator(op, schema, inputs.lent);
    case 'extents':
      return extentsOperator(op);
    case 'pack':
      return packOperator(op, schema, inputs.lent);
    case 'unpack': {
      const source = op.input === null ? [] : decodeInput(inputs, op.input, fragment.inputs[op.input]!);
      return unpackOperator(op, schema, source[0] ?? null, inputs.lent);
    }
    case 'sample':
      return op.phase === 'take' ? sampleOperator(op, schema, inputs.position) : splitterOperator(op, schema);
    case 'frequent':
      return frequentOperator(op);
    case 'bloom': {
      if (op.phase === 'make') return makeBloomOperator(op);
      const words = decodeInput(inputs, op.input, fragment.inputs[op.input]!);
      return testBloomOperator(op, schema, concatBatches(fragment.inputs[op.input]!, words));
    }
    case 'explode':
      return explodeOperator(op.columns, schema);
    case 'unpivot':
      return unpivotOperator(op, schema);
    case 'number':
      return numberOperator(op, schema, inputs.position);
    case 'aggregate':
      return aggregateOperator(op, inputs.lent);
    case 'join':
      return joinOperator(op, schema, sideOf(op, fragment, inputs), inputs.lent);
    default:
      return assertNever(op);
  }
}

/** The build side of a join: of an earlier task of this thread, or read and, where that is not done yet, made ready. */
function sideOf(op: JoinStep, fragment: Fragment, inputs: TaskInputs): JoinSide {
  const { parts = [] } = op;
  const entries = [op.input, ...parts].flatMap(input => inputs.tables[input] ?? []).map(readEntry);
  const make = () => {
    // May outlive the task, and so has dictionaries of its own.
    const own = { ...inputs, shared: new Map() };
    const read = (input: number) => {
      const schema = fragment.inputs[input]!;
      if (input !== op.records) return decodeInput(own, input, schema);
      return inputs.tables[input]!.map(entry =>
        checkSchema(readRecords(readEntry(entry), own.shared), schema),
      );
    };
    if (op.parts === undefined) {
      const schema = fragment.inputs[op.input]!;
      // Text that goes on as it is need not be looked at, but for keys.
      const rows =
        fragment.ops.at(-1) === op
          ? concatMoved(schema, read(op.input), op.rightOn)
          : concatBatches(schema, read(op.input));
      return joinSide(op, rows);
    }
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
