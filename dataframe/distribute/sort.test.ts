import { expect, test } from 'vitest';
import { type Rng, seededRng } from '../../core/base/rng.js';
import type { Batch, Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { DataFrame } from '../frame.js';
import { compactBatch, widen } from '../kernels/concat.js';
import { sliceBatch, takeBatch } from '../kernels/take.js';
import { duckdbWith } from '../testing/duckdb.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { pretendFrame, stagesText } from '../testing/pretend.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import type { PlanOptions } from './constants.js';
import { PutTable } from './tables.js';

const TABLES = 8;
const CASES = 40;
const names = ['k', 'i', 'x', 'y', 's', 't', 'b', 'd', 'u', 'f', 'z', 'i8', 'u16', 'u32'] as const;
const fanOuts = [1, 2, 3, 7, 40];

/** Random rows, most of them equal to one row where `skewed`, with their number `n`, a float32, narrow integers and a column of nulls. */
function randomTable(random: Rng, rows: number, skewed: boolean): Batch {
  const nullShare = random() < 0.3 ? 0 : 0.2;
  const plain = randomBatch(random, rows, nullShare);
  const at = Int32Array.from({ length: rows }, (_, i) => (skewed && random() < 0.9 ? 0 : i));
  const batch = takeBatch(plain, at, rows);
  const single = Float32Array.from({ length: rows }, () =>
    random() < 0.2 ? [NaN, -0, 0, Infinity][Math.floor(random() * 4)]! : Math.floor(random() * 40) - 20,
  );
  const nothing: Column = {
    ...denseColumn(DataType.Int32, 'i32', rows, new Int32Array(rows)),
    nullCount: rows,
    validity: rows === 0 ? null : new Uint8Array((rows + 7) >>> 3),
  };
  const below = (n: number) => Math.floor(random() * n);
  const narrow: readonly (readonly [string, Column])[] = [
    [
      'i8',
      denseColumn(
        DataType.Int8,
        'i8',
        rows,
        Int8Array.from({ length: rows }, () => below(9) - 4),
      ),
    ],
    [
      'u16',
      denseColumn(
        DataType.UInt16,
        'u16',
        rows,
        Uint16Array.from({ length: rows }, () => below(65_536)),
      ),
    ],
    [
      'u32',
      denseColumn(
        DataType.UInt32,
        'u32',
        rows,
        Uint32Array.from({ length: rows }, () => below(2) * 2 ** 31 + below(5)),
      ),
    ],
  ];
  const numbers = Float64Array.from({ length: rows }, (_, i) => i);
  return {
    rows,
    schema: [
      ...batch.schema,
      { name: 'f', type: DataType.Float32 },
      { name: 'z', type: DataType.Int32 },
      { name: 'n', type: DataType.Float64 },
      ...narrow.map(([name, { type }]) => ({ name, type })),
    ],
    columns: [
      ...batch.columns,
      denseColumn(DataType.Float32, 'f32', rows, single),
      nothing,
      denseColumn(DataType.Float64, 'f64', rows, numbers),
      ...narrow.map(([, column]) => column),
    ],
  };
}

/** The rows in partitions cut anywhere, some without rows, some with 64-bit integers as words, dictionaries of their own. */
function frameOf(batch: Batch, random: Rng): DataFrame {
  const count = 1 + Math.floor(random() * 8);
  const cuts = Array.from({ length: count - 1 }, () => Math.floor(random() * (batch.rows + 1)));
  cuts.sort((a, b) => a - b);
  const partitions = [0, ...cuts].map((from, p) => {
    const part = sliceBatch(batch, from, cuts[p] ?? batch.rows);
    const columns = part.columns.map((column, c) =>
      batch.schema[c]!.name === 'i' && random() < 0.3 ? widen(column) : column,
    );
    return random() < 0.5 ? { ...part, columns } : compactBatch({ ...part, columns });
  });
  const table = new PutTable('rows', async () => partitions);
  return new DataFrame({ executor: new InlineExecutor() }, { verb: { kind: 'memory', table } });
}

const rowsOf = async (frame: DataFrame) => (await frame.select('n').toRecords()).map(({ n }) => n);

test('sorts and first rows agree with DuckDB over partitions, ranges, types, nulls, NaN, ties and skew', async () => {
  const seed = testSeed();
  const random = seededRng(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  for (let t = 0; t < TABLES; t++) {
    const rows = [0, 1, 40, 700, 3000][t % 5]!;
    const batch = randomTable(random, rows, t % 2 === 1);
    const db = await duckdbWith({ r: batch });
    for (let i = 0; i < CASES; i++) {
      const by = Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(names));
      const descending = by.map(() => random() < 0.5);
      const nullsLast = by.map(() => random() < 0.5);
      const order = by.map(
        (name, k) => `"${name}" ${descending[k] ? 'desc' : 'asc'} nulls ${nullsLast[k] ? 'last' : 'first'}`,
      );
      const options: PlanOptions = { fanOut: pick(fanOuts), topRows: pick([0, 1000]) };
      const what = `table ${t} case ${i} of seed ${seed}: ${order} ${JSON.stringify(options)}`;
      const theirs = await db.query(`select n from r order by ${order.join()}, n`);
      const wanted = theirs.map(([n]) => n);
      const sorted = frameOf(batch, random).with(options).sort({ by, descending, nullsLast });
      expect(await rowsOf(sorted), what).toEqual(wanted);
      const n = Math.floor(random() * pick([5, 50, rows + 10]));
      expect(await rowsOf(sorted.head(n)), `${what} head ${n}`).toEqual(wanted.slice(0, n));
    }
    db.close();
  }
}, 300_000);

// Goal: a value that fills most of the table must not fill one task.
test('ranges of skewed keys are of equal size, in order of partition and row', async () => {
  const seed = testSeed();
  const random = seededRng(seed);
  const rows = 40_000;
  const key = Float64Array.from({ length: rows }, () => (random() < 0.9 ? 5 : Math.floor(random() * 100)));
  const n = Float64Array.from({ length: rows }, (_, i) => i);
  const batch: Batch = {
    rows,
    schema: [
      { name: 'key', type: DataType.Float64 },
      { name: 'n', type: DataType.Float64 },
    ],
    columns: [denseColumn(DataType.Float64, 'f64', rows, key), denseColumn(DataType.Float64, 'f64', rows, n)],
  };
  const parts = Array.from({ length: 7 }, (_, p) =>
    sliceBatch(batch, Math.floor((p * rows) / 7), Math.floor(((p + 1) * rows) / 7)),
  );
  const executor = new InlineExecutor();
  const table = new PutTable('rows', async () => parts);
  const frame = new DataFrame({ executor }, { verb: { kind: 'memory', table } });
  const kept = await frame.with({ fanOut: 8 }).sort('key').persist();
  const sizes: number[] = [];
  const seen: number[] = [];
  for await (const piece of kept.batches()) {
    sizes.push(piece.numRows);
    for (const row of piece) seen.push(row.n);
  }
  const wanted = [...n].sort((a, b) => key[a]! - key[b]! || a - b);
  expect(seen, `seed ${seed}`).toEqual(wanted);
  expect(sizes).toHaveLength(8);
  expect(Math.max(...sizes), `seed ${seed}: ${sizes}`).toBeLessThan((1.25 * rows) / 8);
  await kept.release();
});

test('large files are dealt out by splitters; few rows are sorted by one task', async () => {
  const schema = [{ name: 'k', type: DataType.Int64 }];
  const large = pretendFrame('f.parquet', schema, [{ bytes: 20e6 }, { bytes: 20e6 }]);
  expect(await stagesText(large.sort('k'))).toBe(
    `stage 0: 2 tasks: scan parquet f.parquet [k]
  → partition
stage 1: 2 tasks: input stage 0 (one-to-one)
  sample k
  → partition
stage 2: 1 task: input stage 1 (all of it)
  choose 4 splitters
  → partition
stage 3: 2 tasks: input stage 0 (one-to-one)
  → range [k] into 5
stage 4: 5 tasks: input stage 3 (shuffled)
  sort k
  → partition`,
  );
  const scan = 'stage 0: 2 tasks: scan parquet f.parquet [k]';
  expect(await stagesText(large.sort('k').head(3))).toBe(
    `${scan}\n  sort k top 3\n  → partition\nstage 1: 1 task: input stage 0 (all of it)\n  sort k top 3\n  → partition`,
  );
  expect(await stagesText(pretendFrame('f.parquet', schema).sort('k'))).toBe(
    `${scan}\n  → partition\nstage 1: 1 task: input stage 0 (all of it)\n  sort k\n  → partition`,
  );
});
