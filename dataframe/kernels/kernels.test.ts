import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Batch, Column } from '../column/column.js';
import { DataType, type Schema } from '../column/datatype.js';
import { dictionaryOf, entryTexts, ranks, unify } from '../column/dictionary.js';
import { columnOf, denseColumn } from '../column/layout.js';
import { recordsToBatch } from '../column/records.js';
import type { AggregateSpec, AggregateStep } from '../physical/fragment.js';
import { aggregateOperator } from '../physical/operators/aggregate.js';
import { randomBatch, randomSchema, testSeed } from '../testing/random-batch.js';
import { recordsOf } from '../testing/run-fragment.js';
import { compactBatch, concatBatches, narrow, widen } from './concat.js';
import { GroupTable } from './group.js';
import { hashRows } from './hash.js';
import { Lent } from './lent.js';
import { sortOrder } from './sort.js';
import { sliceBatch, takeBatch, takeOptional } from './take.js';

const seed = testSeed();

function int64(values: readonly (bigint | null)[]): Column {
  const schema: Schema = [{ name: 'v', type: DataType.Int64 }];
  return recordsToBatch(
    values.map(v => ({ v })),
    schema,
  ).columns[0]!;
}

test('a group table numbers a million keys in order of first appearance', () => {
  const rows = 1_000_000;
  const values = Float64Array.from({ length: rows }, (_, i) => ((i * 7919) % rows) * 1_000_003);
  const table = new GroupTable([DataType.Int64]);
  const group = table.assign([denseColumn(DataType.Int64, 'f64', rows, values)], rows);
  expect(table.count).toBe(rows);
  expect(group.every((g, i) => g === i)).toBe(true);
  expect(table.keyColumns()[0]!.values).toEqual(values);
});

test('groups are the same over dense and hashed keys, batches, dictionaries and physical forms', () => {
  const random = seededRng(seed);
  const batch = randomBatch(random, 3000);
  for (const names of [['k'], ['s'], ['i'], ['x'], ['k', 'b'], ['s', 't', 'd'], ['i', 'x', 's', 'u']]) {
    const keys = names.map(name => columnOf(batch, name));
    const expected = new Map<string, number>();
    const rows = recordsOf(batch);
    const text = (v: unknown) => (v instanceof Date ? v.getTime() : Object.is(v, -0) ? 0 : v);
    const wanted = rows.map(row => {
      const key = names.map(name => `${typeof row[name]}${String(text(row[name]))}`).join('\u0000');
      if (!expected.has(key)) expected.set(key, expected.size);
      return expected.get(key)!;
    });
    const table = new GroupTable(keys.map(key => key.type));
    const found: number[] = [];
    let turn = 0;
    for (let from = 0; from < batch.rows; ) {
      const to = Math.min(batch.rows, from + 1 + Math.floor(random() * 900));
      const piece = compactBatch(sliceBatch(batch, from, to));
      const form = (column: Column) =>
        turn % 2 === 1 && column.type.kind === 'int64' ? widen(column) : column;
      found.push(
        ...table.assign(
          names.map(name => form(columnOf(piece, name))),
          piece.rows,
        ),
      );
      from = to;
      turn++;
    }
    expect(found).toEqual(wanted);
    expect(table.count).toBe(expected.size);
    expect([...table.find(keys, batch.rows, true)]).toEqual(wanted);
  }
});

test('unknown and null keys are not found', () => {
  const table = new GroupTable([DataType.Utf8, DataType.Int64]);
  const batch = recordsToBatch([
    { s: 'a', n: 1n },
    { s: null, n: 1n },
  ]);
  table.assign(batch.columns, 2);
  const probe = recordsToBatch([
    { s: 'a', n: 1n },
    { s: 'b', n: 1n },
    { s: 'a', n: 2n },
    { s: null, n: 1n },
  ]);
  expect([...table.find(probe.columns, 4, true)]).toEqual([0, -1, -1, 1]);
  expect([...table.find(probe.columns, 4, false)]).toEqual([0, -1, -1, -1]);
});

test('hashes are of values: physical form, dictionary, −0, NaN and width do not matter', () => {
  const random = seededRng(seed + 1);
  const batch = randomBatch(random, 500);
  const order = Int32Array.from({ length: 500 }, (_, i) => 499 - i);
  const turned = compactBatch(takeBatch(batch, order, 500));
  const hashes = hashRows(batch.columns, 500);
  expect([...hashRows(turned.columns, 500)].reverse()).toEqual([...hashes]);
  const safe = int64([1n, -5n, null, 2n ** 40n]);
  expect(hashRows([widen(safe)], 4)).toEqual(hashRows([safe], 4));
  const small = {
    ...recordsToBatch([{ v: 1 }, { v: -5 }], [{ name: 'v', type: DataType.Int8 }]).columns[0]!,
  };
  expect(hashRows([small], 2)).toEqual(hashRows([int64([1n, -5n])], 2));
  const floats = (values: number[]) => [
    denseColumn(DataType.Float64, 'f64', values.length, Float64Array.from(values)),
  ];
  expect(hashRows(floats([-0, NaN]), 2)).toEqual(hashRows(floats([0, 0 / 0]), 2));
});

test('dictionaries unify by bytes; ranks follow UTF-8 bytes, not UTF-16', () => {
  const a = dictionaryOf(['x', 'é', '']).dictionary;
  const b = dictionaryOf(['é', 'y', 'x']).dictionary;
  const { dictionary, maps } = unify([a, b]);
  expect(entryTexts(dictionary)).toEqual(['x', 'é', '', 'y']);
  expect(maps.map(map => map && [...map])).toEqual([null, [1, 3, 0]]);
  // U+FF5E comes before U+1F600 in UTF-8, after its surrogates in UTF-16.
  const c = dictionaryOf(['\u{1F600}', '\uFF5E', 'prefix', 'prefix-long', 'prefiz']).dictionary;
  expect([...ranks(c)]).toEqual([4, 3, 0, 1, 2]);
});

function aggregate(
  phase: AggregateStep['phase'],
  list: readonly AggregateSpec[],
  batches: readonly Batch[],
  entries: readonly number[],
  keys: readonly string[] = ['k'],
): Batch {
  const operator = aggregateOperator(
    {
      kind: 'aggregate',
      phase,
      keys,
      aggregates: list,
      input: batches[0]!.schema,
    },
    new Lent(),
  );
  const out: Batch[] = [];
  batches.forEach((batch, k) => {
    operator.push(batch, entries[k]!, piece => out.push(piece));
  });
  operator.finish(piece => out.push(piece));
  return out[0]!;
}

const spec = (op: AggregateSpec['op'], column: string | null): AggregateSpec => ({
  name: `${op} ${column}`,
  op,
  column,
  filter: null,
});

test('the bits of a sum depend on partitions, not on the batches a partition comes in', () => {
  const random = seededRng(seed + 2);
  const schema: Schema = [
    { name: 'k', type: DataType.Int32 },
    { name: 'v', type: DataType.Float64 },
  ];
  const rows = Array.from({ length: 5000 }, () => ({
    k: Math.floor(random() * 20),
    v: (random() - 0.5) * 10 ** Math.floor(random() * 30),
  }));
  const batch = recordsToBatch(rows, schema);
  const list = [spec('sum', 'v'), spec('mean', 'v')];
  const whole = aggregate('partial', list, [batch], [0]);
  for (const size of [1, 17, 1000]) {
    const pieces: Batch[] = [];
    for (let from = 0; from < batch.rows; from += size)
      pieces.push(sliceBatch(batch, from, Math.min(batch.rows, from + size)));
    const pieced = aggregate(
      'partial',
      list,
      pieces,
      pieces.map(() => 0),
    );
    expect(pieced.columns.map(c => [...c.values])).toEqual(whole.columns.map(c => [...c.values]));
  }
});

test('integer sums are exact beyond 2^53 and throw beyond int64', () => {
  const big = 2n ** 62n;
  const batch = recordsToBatch([
    { k: 1, v: big },
    { k: 1, v: big - 1n },
    { k: 2, v: 2n ** 53n - 1n },
    { k: 2, v: 2n },
    { k: 3, v: null },
  ]);
  const out = aggregate('complete', [spec('sum', 'v'), spec('max', 'v'), spec('min', 'v')], [batch], [0]);
  expect(recordsOf(out).map(row => Object.values(row).slice(1))).toEqual([
    [2n ** 63n - 1n, big, big - 1n],
    [2n ** 53n + 1n, 2n ** 53n - 1n, 2n],
    [0n, null, null],
  ]);
  const over = recordsToBatch([
    { k: 1, v: big },
    { k: 1, v: big },
  ]);
  expect(() => aggregate('complete', [spec('sum', 'v')], [over], [0])).toThrowError(/"sum v".*Float64/);
});

test('sums that are not finite are plain sums; NaN is the largest in min and max', () => {
  const batch = recordsToBatch([
    { k: 1, v: Infinity },
    { k: 1, v: 1 },
    { k: 2, v: Infinity },
    { k: 2, v: -Infinity },
    { k: 3, v: NaN },
    { k: 3, v: 7 },
  ]);
  const out = aggregate('complete', [spec('sum', 'v'), spec('min', 'v'), spec('max', 'v')], [batch], [0]);
  expect(recordsOf(out).map(row => Object.values(row).slice(1))).toEqual([
    [Infinity, 1, Infinity],
    [NaN, -Infinity, Infinity],
    [NaN, 7, NaN],
  ]);
});

test('without keys there is one group, present even without rows', () => {
  const batch = recordsToBatch([], randomSchema);
  const list = [
    spec('sum', 'i'),
    spec('mean', 'x'),
    spec('len', null),
    spec('first', 's'),
    spec('nUnique', 's'),
    spec('max', 't'),
  ];
  const operator = aggregateOperator(
    {
      kind: 'aggregate',
      phase: 'complete',
      keys: [],
      aggregates: list,
      input: batch.schema,
    },
    new Lent(),
  );
  const out: Batch[] = [];
  operator.finish(piece => out.push(piece));
  expect(recordsOf(out[0]!)).toEqual([
    { 'sum i': 0n, 'mean x': null, 'len null': 0n, 'first s': null, 'nUnique s': 0n, 'max t': null },
  ]);
});

test('first and last keep nulls and follow row order over many batches', () => {
  const random = seededRng(seed + 3);
  const batch = randomBatch(random, 2000);
  const pieces = Array.from({ length: 100 }, (_, p) => sliceBatch(batch, p * 20, p * 20 + 20));
  const out = aggregate(
    'complete',
    [spec('first', 's'), spec('last', 'x')],
    pieces,
    pieces.map((_, p) => p >> 3),
  );
  const expected = new Map<unknown, unknown[]>();
  for (const row of recordsOf(batch)) {
    const known = expected.get(row.k);
    if (known === undefined) expected.set(row.k, [row.k, row.s, row.x]);
    else known[2] = row.x;
  }
  expect(recordsOf(out).map(row => Object.values(row))).toEqual([...expected.values()]);
});

test('sorting 64-bit integers, and narrowing them back', () => {
  const column = int64([5n, null, -(2n ** 60n), 2n ** 60n, -1n]);
  expect(column.physical).toBe('i64');
  const batch: Batch = { schema: [{ name: 'v', type: DataType.Int64 }], rows: 5, columns: [column] };
  const order = (descending: boolean, nullsLast: boolean) => [
    ...sortOrder(batch, [{ column: 'v', descending, nullsLast }]),
  ];
  expect(order(false, true)).toEqual([2, 4, 0, 3, 1]);
  expect(order(true, false)).toEqual([1, 3, 0, 4, 2]);
  expect(narrow(column)).toBe(column);
  expect([...narrow(widen(int64([5n, -1n]))).values]).toEqual([5, -1]);
});

test('concatenation unifies dictionaries, forms and bitmaps; -1 takes null', () => {
  const random = seededRng(seed + 4);
  const batch = randomBatch(random, 257);
  const pieces = [0, 3, 100, 101].map((from, k, all) =>
    compactBatch(sliceBatch(batch, from, all[k + 1] ?? 257)),
  );
  expect(recordsOf(concatBatches(batch.schema, pieces))).toEqual(recordsOf(batch));
  const mixed = concatBatches(
    [{ name: 'v', type: DataType.Int64 }],
    [int64([1n]), int64([2n ** 60n])].map(c => ({
      schema: [{ name: 'v', type: DataType.Int64 }],
      rows: 1,
      columns: [c],
    })),
  );
  expect(recordsOf(mixed)).toEqual([{ v: 1n }, { v: 2n ** 60n }]);
  const taken = takeOptional(columnOf(batch, 's'), Int32Array.of(-1, 5, -1), 3);
  const text = recordsOf(batch)[5]!.s;
  const schema = [{ name: 's', type: DataType.Utf8 }];
  expect(recordsOf({ schema, rows: 3, columns: [taken] })).toEqual([{ s: null }, { s: text }, { s: null }]);
});

test('null slots hold 0 after dictionaries were unified: a sort sees one kind of null', () => {
  const schema: Schema = [{ name: 's', type: DataType.Utf8 }];
  const pieces = [
    ['b', null, 'a'],
    ['a', null, 'c', null],
  ].map(texts =>
    recordsToBatch(
      texts.map(s => ({ s })),
      schema,
    ),
  );
  const all = concatBatches(schema, pieces);
  expect([...all.columns[0]!.values]).toEqual([0, 0, 1, 1, 0, 2, 0]);
  expect([...sortOrder(all, [{ column: 's', descending: true, nullsLast: false }])]).toEqual([
    1, 4, 6, 5, 0, 2, 3,
  ]);
});
