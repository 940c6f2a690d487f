import type { Executor } from '../../core/graph/executor.js';
import { formatColumn } from '../codegen/row-text.js';
import { isValid } from '../column/bitmap.js';
import type { Batch, Column } from '../column/column.js';
import { plainUnscaled } from '../column/decimal.js';
import { unscaledReader } from '../column/decimal-entries.js';
import { entryTexts } from '../column/dictionary.js';
import type { ExprNode, LiteralValue } from '../expr/node.js';
import { widen } from '../kernels/concat.js';
import { columnNode } from '../plan/plan.js';
import type { PivotValue } from '../plan/reshape.js';
import { type PivotVerb, type Verb, verbsOf } from '../plan/verb.js';

/** Runs a verb and brings its rows here. */
export type RunVerb = (verb: Verb, executor: Executor) => Promise<Batch>;

/** The values that become columns: those asked for, or all there are, in ascending order, null last. */
export async function pivotValues(
  verb: Verb,
  executor: Executor,
  run: RunVerb,
): Promise<Map<Verb, readonly PivotValue[]>> {
  const out = new Map<Verb, readonly PivotValue[]>();
  for (const v of verbsOf(verb)) {
    if (v.kind !== 'pivot' || out.has(v)) continue;
    out.set(v, v.onValues === null ? await found(v, executor, run) : v.onValues.map(asked));
  }
  return out;
}

function asked(value: ExprNode): PivotValue {
  if (value.kind !== 'literal') throw new Error('volley bug: values of a pivot are literals');
  if (value.value === null) return { name: 'null', value: null };
  const time = value.type.kind === 'timestamp' && typeof value.value === 'number';
  return { name: time ? new Date(value.value as number).toISOString() : String(value.value), value };
}

async function found(verb: PivotVerb, executor: Executor, run: RunVerb): Promise<PivotValue[]> {
  const column = columnNode(verb.on);
  const one: Verb = { kind: 'select', input: verb.input, exprs: [column] };
  const distinct: Verb = { kind: 'unique', input: one, on: null, keep: 'any' };
  const by = [{ expr: column, descending: false, nullsLast: true }];
  const { columns } = await run({ kind: 'sort', input: distinct, by, limit: null }, executor);
  return valuesOf(columns[0]!);
}

function valuesOf(column: Column): PivotValue[] {
  const { type, length, validity } = column;
  const texts = type.kind !== 'utf8' ? null : entryTexts(column.dictionary!);
  const names = texts === null && type.kind !== 'bool' ? formatColumn(column) : null;
  const nameTexts = names === null ? null : entryTexts(names.dictionary!);
  return Array.from({ length }, (_, row): PivotValue => {
    if (type.kind === 'null' || !isValid(validity, row)) return { name: 'null', value: null };
    const value = texts === null ? plainValue(column, row) : texts[column.values[row]!]!;
    const name = nameTexts === null ? String(value) : nameTexts[names!.values[row]!]!;
    return { name, value: { kind: 'literal', value, type } };
  });
}

function plainValue(column: Column, row: number): LiteralValue {
  if (column.type.kind === 'bool') return column.values[row] !== 0;
  if (column.type.kind === 'decimal') return plainUnscaled(BigInt(unscaledReader(column)(row)));
  if (column.physical !== 'i64') return column.values[row]!;
  const words = widen(column).values;
  const bits = (BigInt(words[2 * row + 1]!) << 32n) | BigInt(words[2 * row]! >>> 0);
  return column.type.kind === 'uint64' ? BigInt.asUintN(64, bits) : bits;
}
