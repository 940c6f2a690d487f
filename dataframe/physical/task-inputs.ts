import { VolleyError } from '../../core/base/errors.js';
import type { Batch } from '../column/column.js';
import { formatType, type Schema, sameType } from '../column/datatype.js';
import type { SharedDictionaries } from '../column/dictionary-cache.js';
import { decodeBatch } from '../column/slab.js';
import { columnsOf } from '../expr/traverse.js';
import { InterleavedBatch } from '../kernels/interleaved.js';
import type { Lent } from '../kernels/lent.js';
import { decodeAway } from './away.js';
import type { BuildSides } from './build-sides.js';
import type { FragmentOp } from './fragment.js';
import { once } from './once.js';
import { type FragmentEntry, readEntry } from './task.js';

/** What one task reads, by dependency. */
export interface TaskInputs {
  readonly tables: readonly (readonly FragmentEntry[])[];
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
  inputs: TaskInputs,
  input: number,
  schema: Schema,
  read: ReadonlySet<string> | null = null,
): Batch[] {
  return (inputs.tables[input] ?? []).map(entry => decodeEntry(inputs, entry, schema, read));
}

export function decodeEntry(
  { shared, lent }: TaskInputs,
  entry: FragmentEntry,
  schema: Schema,
  read: ReadonlySet<string> | null = null,
): Batch {
  const input = readEntry(entry);
  if (input.readInto !== undefined) {
    const batch = decodeAway(input);
    if (batch !== null) return checkSchema(onLent(batch, lent), schema);
  }
  const { header, bytes, trusted } = input;
  // A dictionary that is kept would keep all bytes of its entry.
  const known = typeof entry === 'function' ? new Map() : shared;
  return checkSchema(onLent(decodeBatch(header, bytes, known, read, trusted), lent), schema);
}

/** Where columns that are not in memory as such come to when somebody looks at them. */
function onLent(batch: Batch, lent: Lent): Batch {
  return batch instanceof InterleavedBatch ? batch.lentBy(lent) : batch;
}

export function checkSchema(batch: Batch, schema: Schema): Batch {
  if (isSameSchema(batch.schema, schema)) return batch;
  const text = (s: Schema) => s.map(f => `${f.name}: ${formatType(f.type)}`).join(', ');
  throw new VolleyError(
    'CORRUPT_PARTITION',
    `a partition holds (${text(batch.schema)}) instead of (${text(schema)})`,
  );
}

/** Partitions of one layout share their schema (column/slab-decode.ts). */
const isSameSchema = once(
  (found: Schema, wanted: Schema) =>
    found.length === wanted.length &&
    wanted.every(({ name, type }, c) => {
      const field = found[c]!;
      return field.name === name && sameType(field.type, type);
    }),
);

/** The columns of the source that the first operators look at; null where all of them go on. */
export const readColumns = once((all: readonly FragmentOp[], _given: null) => columnsRead(all));

function columnsRead(all: readonly FragmentOp[]): ReadonlySet<string> | null {
  const names = new Set<string>();
  // A limit passes on what it does not look at: a survey has one in front.
  const ops = all[0]?.kind === 'limit' ? all.slice(1) : all;
  for (const op of ops) {
    if (op.kind === 'survey' || op.kind === 'frequent' || (op.kind === 'bloom' && op.phase === 'make')) {
      for (const name of op.keys) names.add(name);
      return names;
    }
    if (op.kind === 'extents') {
      for (const name of op.columns) names.add(name);
      return names;
    }
    if (op.kind === 'pack') {
      for (const { column } of op.fields) names.add(column);
      for (const name of op.rest) names.add(name);
      return op === ops[0] ? names : null;
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
