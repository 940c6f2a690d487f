import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { col, connect, DataType, LocalCluster, len, lit, type Session, VolleyError } from '../../index.js';

/** FAULTS 27 through the public API: what is wrong is said with its place and the way out, here and from a worker. */

let folder = '';
let cluster: LocalCluster;
const sessions = new Map<string, Session>();
const path = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'volley-bad-'));
  writeFileSync(path('flights.csv'), 'origin,delay,n\nLAS,1.5,3\nSFO,,4\n,2.5,0\n');
  writeFileSync(path('empty.csv'), '');
  writeFileSync(path('empty.parquet'), '');
  writeFileSync(path('header.csv'), 'origin,delay\n');
  writeFileSync(path('twice.csv'), 'a,b,a\n1,2,3\n');
  writeFileSync(path('ragged.csv'), 'a,b\n1,2\n3\n');
  writeFileSync(path('text.csv'), 'a,b\n1,2\n2,3\nfive,4\n');
  cluster = await LocalCluster.start({ workers: 1 });
  sessions.set('cluster', await cluster.connect());
  sessions.set('embedded', await connect({ threads: 1 }));
});
afterAll(async () => {
  await sessions.get('embedded')?.close();
  await cluster?.close();
  rmSync(folder, { recursive: true, force: true });
});

const flights = (s: Session) => s.scanCSV(path('flights.csv'));
const big = (s: Session) =>
  s.fromRecords(
    [
      { k: 'a', n: 2n ** 62n },
      { k: 'a', n: 2n ** 62n },
    ],
    { partitions: 2 },
  );
const least = (s: Session) => s.fromRecords([{ n: -(2n ** 63n) }]);

/** What goes wrong, its code, and words its message must have: the culprit and the way out. */
const failures: [string, (s: Session) => Promise<unknown>, string, (string | RegExp)[]][] = [
  [
    'unknown column',
    s => flights(s).filter(col('delya').gt(1)).collect(),
    'COLUMN_NOT_FOUND',
    ['filter', 'Did you mean "delay"?'],
  ],
  [
    'unknown in an aggregate',
    s => flights(s).groupBy('origin').agg(col('dely').sum()).count(),
    'COLUMN_NOT_FOUND',
    ['agg', 'Did you mean "delay"?'],
  ],
  [
    'unknown join key',
    s => flights(s).join(flights(s), { on: 'orgin' }).count(),
    'COLUMN_NOT_FOUND',
    ['left side', '"origin"'],
  ],
  ['unknown sort key', s => flights(s).sort('dela').collect(), 'COLUMN_NOT_FOUND', ['sort', '"delay"']],
  [
    'text and number compared',
    s => flights(s).filter(col('origin').gt(5)).count(),
    'TYPE_MISMATCH',
    ['origin (Utf8)', '5 (Int64)', '.cast('],
  ],
  [
    'text in arithmetic',
    s => flights(s).withColumns(col('origin').add(1)).count(),
    'TYPE_MISMATCH',
    ['add', 'origin (Utf8)', '.cast('],
  ],
  [
    'sum of text',
    s => flights(s).select(col('origin').sum()).count(),
    'TYPE_MISMATCH',
    ['sum', 'origin (Utf8)', '.cast('],
  ],
  [
    'text function of a number',
    s => flights(s).select(col('delay').str.toUpperCase()).count(),
    'TYPE_MISMATCH',
    ['delay (Float64)', 'DataType.Utf8'],
  ],
  [
    'two types in a record column',
    async s => s.fromRecords([{ a: 1 }, { a: 'x' }]),
    'TYPE_MISMATCH',
    ['"a"', 'row 1'],
  ],
  [
    'duplicate name',
    s => flights(s).select('delay', col('n').alias('delay')).count(),
    'DUPLICATE_COLUMN',
    ['"delay"', '.alias('],
  ],
  [
    'duplicate name in a file',
    s => s.scanCSV(path('twice.csv')).count(),
    'DUPLICATE_COLUMN',
    ['twice.csv', "'a'", 'header: false'],
  ],
  [
    'overflow of a sum over partitions',
    s => big(s).select(col('n').sum()).collect(),
    'INTEGER_OVERFLOW',
    ['"n"', '9223372036854775808', 'Float64'],
  ],
  [
    'overflow of a sum in groups',
    s => big(s).groupBy('k').agg(col('n').sum()).collect(),
    'INTEGER_OVERFLOW',
    ['"n"', 'Float64'],
  ],
  [
    'overflow of a product',
    s => big(s).select(col('n').mul(4)).collect(),
    'INTEGER_OVERFLOW',
    ['mul', 'row 0', 'Float64'],
  ],
  [
    'overflow of a negation',
    s => least(s).select(col('n').neg()).collect(),
    'INTEGER_OVERFLOW',
    ['neg', 'Float64'],
  ],
  ['a number too large for records', s => big(s).toRecords(), 'INT64_RANGE', ['"n"', "int64: 'bigint'"]],
  [
    'a cast that cannot be',
    s => flights(s).select(col('origin').cast(DataType.Int32)).collect(),
    'CAST_FAILED',
    ['row 0', '"LAS"', 'strict: false'],
  ],
  [
    'an empty CSV file',
    s => s.scanCSV(path('empty.csv')).count(),
    'BAD_DATA',
    ['empty.csv', 'the file is empty', 'Declare a schema'],
  ],
  [
    'an empty Parquet file',
    s => s.scanParquet(path('empty.parquet')).count(),
    'BAD_DATA',
    ['empty.parquet', 'no Parquet file', 'leave it out'],
  ],
  ['a ragged row', s => s.scanCSV(path('ragged.csv')).toRecords(), 'BAD_DATA', ['ragged.csv', 'row 3']],
  [
    'a bad number',
    s => s.scanCSV(path('text.csv'), { schema: { a: DataType.Int64 } }).toRecords(),
    'BAD_DATA',
    ['text.csv', 'row 4', "column 'a'", 'five'],
  ],
  ['a missing file', s => s.scanCSV(path('none.csv')).count(), 'FILE_NOT_FOUND', ['none.csv', 'fromRecords']],
  [
    'nothing that matches',
    s => s.scanParquet(path('zz*.parquet')).count(),
    'FILE_NOT_FOUND',
    ['zz*.parquet', 'fromRecords'],
  ],
  [
    'a file without columns',
    s => flights(s).select().sinkParquet(path('none.parquet')),
    'UNSUPPORTED',
    ['at least one column'],
  ],
];

describe.each(['embedded', 'cluster'])('%s', where => {
  const session = () => sessions.get(where)!;

  test.each(failures)('%s', async (_, attempt, code, words) => {
    const error = await attempt(session()).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(VolleyError);
    expect((error as VolleyError).code).toBe(code);
    for (const word of words) expect((error as VolleyError).message).toMatch(word);
  });

  test('division by zero: infinity, NaN and null, never an error', async () => {
    const { n, delay } = { n: col('n'), delay: col('delay') };
    const rows = flights(session()).select(
      n.div(0).alias('a'),
      n.mod(0).alias('b'),
      delay.div(n).alias('c'),
      n.div(n).alias('d'),
    );
    expect(await rows.toRecords()).toEqual([
      { a: Infinity, b: null, c: 0.5, d: 1 },
      { a: Infinity, b: null, c: null, d: 1 },
      { a: Number.NaN, b: null, c: Infinity, d: Number.NaN },
    ]);
  });

  test('zero rows: schemas hold through every verb and file', async () => {
    const none = session().scanCSV(path('header.csv'), { schema: { delay: DataType.Float64 } });
    const sums = none.groupBy('origin').agg(len(), col('delay').sum());
    expect(await sums.toRecords()).toEqual([]);
    expect(await sums.columns()).toEqual(['origin', 'len', 'delay']);
    const totals = none.select(
      len(),
      col('delay').sum().alias('sum'),
      col('delay').max().alias('max'),
      col('origin').nUnique().alias('u'),
    );
    expect(await totals.toRecords()).toEqual([{ len: 0, sum: 0, max: null, u: 0 }]);
    expect(await none.join(flights(session()), { on: 'origin' }).sort('delay').head(3).count()).toBe(0);
    expect(await flights(session()).join(none, { on: 'origin', how: 'left' }).count()).toBe(3);
    const file = path(`none-${where}.parquet`);
    expect(await none.sinkParquet(file)).toMatchObject({ rows: 0 });
    expect(await session().scanParquet(file).columns()).toEqual(['origin', 'delay']);
    expect(await session().scanParquet(file).collect()).toMatchObject({ numRows: 0, numCols: 2 });
    const declared = session().scanCSV(path('empty.csv'), { schema: { a: DataType.Int64 } });
    expect(await declared.columns()).toEqual(['a']);
    expect(await declared.toRecords()).toEqual([]);
    expect(await session().fromRecords([]).count()).toBe(0);
  });

  test('zero columns: rows are still counted, and can be given columns', async () => {
    const bare = flights(session()).drop('origin', 'delay', 'n');
    expect(await bare.count()).toBe(3);
    expect(await bare.columns()).toEqual([]);
    expect(await bare.toRecords()).toEqual([{}, {}, {}]);
    expect(await bare.withColumns(lit(1).alias('x')).toRecords()).toEqual([{ x: 1 }, { x: 1 }, { x: 1 }]);
    expect(await session().fromRecords([{}, {}]).count()).toBe(2);
  });

  test('after all that the node is well', async () => {
    expect(await flights(session()).select(col('n').sum()).toRecords()).toEqual([{ n: 7 }]);
  });
});
