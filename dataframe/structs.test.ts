import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';
import { seededRng } from '../core/base/rng.js';
import { tableToBatches } from './column/arrow.js';
import { DataType } from './column/datatype.js';
import { batchesToRecords, recordsToBatch } from './column/records.js';
import { decodeBatch, encodeBatch, type PartitionMeta } from './column/slab.js';
import { packMeta, unpackMeta } from './column/slab-meta.js';
import { coalesce, col, len, lit, struct, when } from './expr/expr.js';
import { DataFrame, fromArrow, fromRecords } from './frame.js';
import { InlineExecutor } from './testing/inline-executor.js';
import { testSeed } from './testing/random-batch.js';
import { dirtyMemory } from './testing/run-fragment.js';

const host = { executor: new InlineExecutor() };
const seed = testSeed();
const pointType = DataType.Struct({ x: DataType.Float64, name: DataType.Utf8 });
const schema = {
  p: pointType,
  q: DataType.Struct({ price: DataType.Decimal(38, 2), tags: DataType.List(pointType) }),
};

/** Structs with null rows, null fields, lists of structs, and now and then a decimal of 128 bits. */
function randomRecords(count: number): Record<string, unknown>[] {
  const random = seededRng(seed);
  const maybe = <T>(value: () => T): T | null => (random() < 0.2 ? null : value());
  const point = () => ({
    x: maybe(() => Math.floor(random() * 10)),
    name: maybe(() => `t${Math.floor(random() * 5)}`),
  });
  return Array.from({ length: count }, (_, n) => ({
    n,
    k: Math.floor(random() * 4),
    p: maybe(point),
    q: maybe(() => ({
      price: maybe(() => (random() < 0.1 ? `${'7'.repeat(30)}.25` : `${Math.floor(random() * 9)}.50`)),
      tags: maybe(() => Array.from({ length: Math.floor(random() * 3) }, () => maybe(point))),
    })),
  }));
}

const records = randomRecords(300);
const frame = fromRecords(host, records, { schema, partitions: 4 });

test('records, Arrow and slabs give back what came in', async () => {
  expect(await frame.toRecords()).toEqual(records);
  const table = await frame.collect();
  expect(table.schema.fields.map(f => String(f.type))).toEqual([
    'Float64',
    'Float64',
    'Struct<{x:Float64, name:Utf8}>',
    'Struct<{price:Decimal[38e+2], tags:List<Struct<{x:Float64, name:Utf8}>>}>',
  ]);
  const again = arrow.tableFromIPC(arrow.tableToIPC(table));
  expect(await fromArrow(host, again, { partitions: 3 }).toRecords()).toEqual(records);
  const sliced = tableToBatches(again.slice(17, 203), 50);
  expect(batchesToRecords(sliced[0]!.schema, sliced)).toEqual(records.slice(17, 203));
});

test('structs survive filters, sorts, shuffles, joins, limits, concat and persist', async () => {
  const same = (mine: object[], wanted: object[]) => expect(mine).toEqual(wanted);
  same(
    await frame.filter(col('k').gt(1)).toRecords(),
    records.filter(r => (r.k as number) > 1),
  );
  same(await frame.sort({ by: 'n', descending: true }).toRecords(), records.toReversed());
  same(await frame.with({ fanOut: 3 }).sort('n').tail(40).toRecords(), records.slice(-40));
  same(await (await frame.filter(col('n').gtEq(0)).persist()).sort('n').toRecords(), records);
  const twice = await DataFrame.concat([frame, frame.head(10)]).toRecords();
  same(twice, [...records, ...records.slice(0, 10)]);
  const side = frame.select(col('n').alias('m'), col('p').alias('other'));
  for (const options of [{}, { broadcastBytes: 0, fanOut: 3 }, { sharedBuildBytes: 0 }]) {
    const joined = frame.with(options).join(side, { leftOn: 'n', rightOn: 'm', how: 'left' });
    const rows = await joined.sort('n').toRecords();
    same(
      rows,
      records.map(r => ({ ...r, other: r.p })),
    );
  }
  const none = side.filter(col('m').lt(5));
  const gaps = await frame.join(none, { leftOn: 'n', rightOn: 'm', how: 'left' }).sort('n').toRecords();
  same(
    gaps,
    records.map((r, n) => ({ ...r, other: n < 5 ? r.p : null })),
  );
  const firsts = await frame
    .with({ fanOut: 2 })
    .groupBy('k')
    .agg(col('p').first(), col('q').list())
    .sort('k')
    .toRecords();
  firsts.forEach(({ k, p, q }) => {
    const group = records.filter(r => r.k === k);
    expect(p).toEqual(group[0]!.p);
    expect(q).toEqual(group.map(r => r.q).filter(v => v !== null));
  });
  const items = frame
    .select('n', col('q').struct.field('tags'))
    .explode('tags')
    .filter(col('tags').isNotNull());
  expect(await items.select(len()).toRecords()).toEqual([
    {
      len: records.flatMap(r => (r.q as { tags: unknown[] } | null)?.tags ?? []).filter(t => t !== null)
        .length,
    },
  ]);
});

test('fields are columns like others, and columns become fields', async () => {
  type Point = { x: number | null; name: string | null } | null;
  const p = (r: Record<string, unknown>) => r.p as Point;
  const field = col('p').struct.field('x');
  expect(await frame.select('n', field).toRecords()).toEqual(
    records.map(r => ({ n: r.n, x: p(r)?.x ?? null })),
  );
  const chosen = await frame
    .filter(field.gt(4).and(col('p').struct.field('name').neq('t1')))
    .select('n')
    .toRecords();
  const wanted = records.filter(r => (p(r)?.x ?? 0) > 4 && p(r)?.name != null && p(r)?.name !== 't1');
  expect(chosen).toEqual(wanted.map(r => ({ n: r.n })));
  const sums = await frame
    .groupBy(col('p').struct.field('name'))
    .agg(field.sum(), col('q').struct.field('price').max())
    .toRecords();
  expect(sums.length).toBe(new Set(records.map(r => p(r)?.name ?? null)).size);
  const made = frame
    .filter(col('k').eq(2))
    .select(
      struct(
        'n',
        col('p').struct.field('x').add(1).alias('y'),
        struct('k', lit('z').alias('z')).alias('in'),
      ).alias('s'),
    );
  const two = records.filter(r => r.k === 2);
  expect(await made.toRecords()).toEqual(
    two.map(r => ({ s: { n: r.n, y: p(r)?.x == null ? null : p(r)!.x! + 1, in: { k: 2, z: 'z' } } })),
  );
  const out = made.select(col('s').struct.field('in').struct.field('k').mul(2).alias('v'));
  expect(await out.head(1).toRecords()).toEqual([{ v: 4 }]);
  const isNull = await frame.filter(col('p').isNull()).count();
  expect(isNull).toBe(records.filter(r => r.p === null).length);
  await frame.head(3).show();
});

test('what structs cannot do is refused by name', async () => {
  const refused = async (run: () => Promise<unknown>, message: RegExp) => {
    await expect((async () => run())()).rejects.toThrow(message);
  };
  await refused(() => frame.sort('p').toRecords(), /structs are not compared.*struct\.field/);
  await refused(() => frame.groupBy('p').agg(len()).toRecords(), /structs are not compared/);
  await refused(() => frame.unique().toRecords(), /structs are not compared/);
  await refused(() => frame.select(col('p').eq(col('p'))).toRecords(), /eq cannot take/);
  await refused(() => frame.select(coalesce(col('p'), col('p'))).toRecords(), /Structs can be carried/);
  await refused(
    () => frame.select(when(true).then(col('p')).otherwise(col('p'))).toRecords(),
    /Structs can be carried/,
  );
  await refused(() => frame.select(col('p').nUnique()).toRecords(), /Structs can be carried/);
  await refused(() => frame.select(col('p').struct.field('nam')).toRecords(), /nam.*name/s);
  await refused(() => frame.select(col('n').struct.field('x')).toRecords(), /columns of structs/);
  expect(() => struct('a', col('b').alias('a'))).toThrow(/two fields "a"/);
  const one = (value: unknown) => () => recordsToBatch([{ p: value }], [{ name: 'p', type: pointType }]);
  for (const bad of [{ x: 1, other: 2 }, { x: 'text' }, 5, 'x', [1], new Date(0)]) {
    expect(one(bad)).toThrow(expect.objectContaining({ code: 'TYPE_MISMATCH' }));
  }
});

test('a slab whose layout lies about structs is refused', () => {
  const type = [{ name: 'p', type: pointType }];
  const { header, bytes } = encodeBatch(recordsToBatch([{ p: { x: 1, name: 'a' } }], type), dirtyMemory);
  const meta = unpackMeta<PartitionMeta>(header.meta);
  const column = meta.columns[0]!;
  const fields = column.fields!;
  const bad = [
    { fields: undefined },
    { fields: fields.slice(1) },
    { fields: [fields[1], fields[0]] },
    { fields: [{ ...fields[0]!, values: [0, 4] }, fields[1]] },
    { physical: 'bool' },
  ];
  for (const change of bad) {
    const changed = { ...header, meta: packMeta({ ...meta, columns: [{ ...column, ...change }] }) };
    expect(() => decodeBatch(changed, bytes)).toThrow(expect.objectContaining({ code: 'CORRUPT_PARTITION' }));
  }
});
