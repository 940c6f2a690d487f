import { expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { recordsToBatch } from '../column/records.js';
import type { ExprNode, FunctionName } from '../expr/node.js';
import { recordsOf, runFragment } from '../testing/run-fragment.js';
import type { AggregateStep, Fragment, FragmentOp } from './fragment.js';

const column = (name: string): ExprNode => ({ kind: 'column', name });
const call = (fn: FunctionName, ...args: ExprNode[]): ExprNode => ({ kind: 'call', fn, args });
const number = (value: number): ExprNode => ({ kind: 'literal', value, type: DataType.Float64 });

const flights = recordsToBatch([
  { origin: 'LAS', delay: 12, carrier: 'AA' },
  { origin: 'JFK', delay: null, carrier: 'DL' },
  { origin: null, delay: -3, carrier: 'AA' },
  { origin: 'LAS', delay: 30, carrier: null },
]);

function fragment(ops: readonly FragmentOp[], sink: Fragment['sink'] = { kind: 'partition' }): Fragment {
  return { source: { kind: 'input', input: 0 }, ops, sink, inputs: [flights.schema] };
}

test('filter and project in one fragment', async () => {
  const ops: FragmentOp[] = [
    { kind: 'filter', predicate: call('gt', column('delay'), number(0)) },
    {
      kind: 'project',
      columns: [
        { name: 'origin', expr: column('origin') },
        { name: 'twice', expr: call('mul', column('delay'), number(2)) },
      ],
    },
  ];
  const [out] = await runFragment(fragment(ops), [[flights]]);
  expect(recordsOf(out!)).toEqual([
    { origin: 'LAS', twice: 24 },
    { origin: 'LAS', twice: 60 },
  ]);
});

const byOrigin = (phase: AggregateStep['phase']): AggregateStep => ({
  kind: 'aggregate',
  phase,
  keys: ['origin'],
  aggregates: [
    { name: 'sum', op: 'sum', column: 'delay', filter: null },
    { name: 'mean', op: 'mean', column: 'delay', filter: null },
    { name: 'n', op: 'len', column: null, filter: null },
    { name: 'top', op: 'max', column: 'carrier', filter: null },
  ],
  input: flights.schema,
});

test('complete aggregation', async () => {
  const [out] = await runFragment(fragment([byOrigin('complete')]), [[flights]]);
  expect(recordsOf(out!)).toEqual([
    { origin: 'LAS', sum: 42, mean: 21, n: 2n, top: 'AA' },
    { origin: 'JFK', sum: 0, mean: null, n: 1n, top: 'DL' },
    { origin: null, sum: -3, mean: -3, n: 1n, top: 'AA' },
  ]);
});

test('partial, hash shuffle and final give the rows of complete', async () => {
  const step = byOrigin('partial');
  const sink = { kind: 'hash', keys: ['origin'], fanOut: 3 } as const;
  const slices = await runFragment(fragment([step], sink), [[flights]]);
  expect(slices).toHaveLength(3);
  const last: Fragment = {
    source: { kind: 'input', input: 0 },
    ops: [byOrigin('final')],
    sink: { kind: 'partition' },
    inputs: [slices[0]!.schema],
  };
  const [merged] = await runFragment(last, [slices]);
  const [whole] = await runFragment(fragment([byOrigin('complete')]), [[flights]]);
  const sorted = (rows: Record<string, unknown>[]) =>
    rows.sort((a, b) => String(a.origin).localeCompare(String(b.origin)));
  expect(sorted(recordsOf(merged!))).toEqual(sorted(recordsOf(whole!)));
});

test('no rows give the schema', async () => {
  const empty = { ...flights, rows: 0, columns: recordsToBatch([], flights.schema).columns };
  const [out] = await runFragment(fragment([byOrigin('complete')]), [[empty]]);
  expect(out!.rows).toBe(0);
  expect(out!.schema.map(f => f.name)).toEqual(['origin', 'sum', 'mean', 'n', 'top']);
});

test('join, sort and limit', async () => {
  const airports = recordsToBatch([
    { code: 'LAS', state: 'NV' },
    { code: 'JFK', state: 'NY' },
    { code: 'LAS', state: 'Nevada' },
  ]);
  const ops: FragmentOp[] = [
    {
      kind: 'join',
      input: 1,
      how: 'left',
      leftOn: ['origin'],
      rightOn: ['code'],
      take: [{ column: 'state', name: 'state' }],
    },
    { kind: 'sort', by: [{ column: 'delay', descending: true, nullsLast: false }], limit: null },
    { kind: 'limit', n: 4, offset: 0 },
  ];
  const plan: Fragment = { ...fragment(ops), inputs: [flights.schema, airports.schema] };
  const [out] = await runFragment(plan, [[flights], [airports]]);
  expect(recordsOf(out!).map(r => [r.delay, r.state])).toEqual([
    [null, 'NY'],
    [30, 'NV'],
    [30, 'Nevada'],
    [12, 'NV'],
  ]);
});
