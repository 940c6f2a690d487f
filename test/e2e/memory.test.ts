import { readdirSync, readFileSync } from 'node:fs';
import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';
import { duckdb, scratchFolder } from '../../dataframe/io/testing/oracle.js';
import { col, connect, type DataFrame, len, type Progress } from '../../index.js';

const MiB = 2 ** 20;

function numbers(rows: number, seed: number): arrow.Table {
  let state = seed;
  const next = (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  return new arrow.Table({
    id: arrow.makeVector(Int32Array.from({ length: rows }, (_, i) => (i * 7) % rows)),
    k: arrow.makeVector(Int32Array.from({ length: rows }, () => next(1000))),
    v: arrow.makeVector(Float64Array.from({ length: rows }, () => next(1e6))),
    w: arrow.makeVector(Float64Array.from({ length: rows }, (_, i) => i)),
  });
}

test('data of four times the memory is grouped, joined, sorted and made unique', async () => {
  const rows = 11_000_000; // 24 bytes each.
  await using session = await connect({ threads: 2, memoryBytes: 64 * MiB });
  const kept = await session.fromArrow(numbers(rows, 7)).persist();
  const counted = async (frame: DataFrame) => {
    const result = await frame.persist();
    const [row] = await result.select(len().alias('n'), col('w').sum()).toRecords();
    await result.release();
    return row!;
  };
  const total = (rows * (rows - 1)) / 2;
  const grouped = await kept.groupBy('k').agg(len().alias('n')).select(col('n').sum()).toRecords();
  expect(grouped).toEqual([{ n: rows }]);
  expect(await counted(kept.sort('v'))).toEqual({ n: rows, w: total });
  expect(await counted(kept.unique({ on: 'id' }))).toEqual({ n: rows, w: total });
  const right = kept.filter(col('k').lt(300)).select('id', col('w').alias('x'));
  const n = await kept.filter(col('k').lt(300)).count();
  expect((await counted(kept.join(right, { on: 'id' }))).n).toBe(n);
  const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
  // The table itself, the test runner, and what is allowed on top of the budget.
  expect(resident).toBeLessThan(rows * 24 + 64 * MiB + 700 * MiB);
  await kept.release();
}, 120_000);

test('one file is written of more rows than the memory holds, in order', async () => {
  const folder = scratchFolder();
  const rows = 4_000_000; // 24 bytes each.
  await using session = await connect({ threads: 2, memoryBytes: 64 * MiB });
  const kept = await session.fromArrow(numbers(rows, 11)).persist();
  const [parquet, csv] = [folder.path('all.parquet'), folder.path('all.csv')];
  expect((await kept.sinkParquet(parquet)).rows).toBe(rows);
  expect((await kept.select('w', 'k').sinkCSV(csv)).rows).toBe(rows);
  await kept.release();
  const places = [
    `select w, file_row_number as place from read_parquet('${parquet}', file_row_number = true)`,
    `select w, row_number() over () - 1 as place from read_csv('${csv}')`,
  ];
  for (const place of places) {
    const sql = `select count(*), count(*) filter (w = place) from (${place})`;
    expect(await duckdb(sql)).toEqual([[`${rows}`, `${rows}`]]);
  }
  folder.close();
}, 60_000);

test('an embedded result is the memory of the engine, given back when nothing refers to it', async () => {
  await using session = await connect({ threads: 1, memoryBytes: 256 * MiB });
  const frame = session.fromArrow(numbers(300_000, 3), { partitions: 3 });
  const asked = frame.select(col('v').add(1).alias('a'), col('id').cast({ kind: 'int64' }).alias('b'));
  await frame.count();
  const column = await (async () => {
    const table = await asked.collect();
    expect(table.numRows).toBe(300_000);
    return table.getChild('b')!;
  })();
  expect(column.data.every(({ values }) => values.buffer instanceof SharedArrayBuffer)).toBe(true);
  expect(column.get(5)).toBe(35n);
  // A column keeps what it lies in, through other work that uses the same memory.
  for (let i = 0; i < 8; i++) await asked.filter(col('a').lt(0)).collect();
  expect(column.get(299_999)).toBe(BigInt((299_999 * 7) % 300_000));
});

test('a sink tells how far it is, and is ended by what its listener throws', async () => {
  const folder = scratchFolder();
  await using session = await connect({ threads: 2 });
  const frame = session.fromRecords(
    Array.from({ length: 10_000 }, (_, i) => ({ k: i % 10, v: i })),
    { partitions: 5 },
  );
  for (const path of [folder.path('parts'), folder.path('one.parquet')]) {
    const seen: Progress[] = [];
    await frame.sinkParquet(path, { onProgress: progress => seen.push(progress) });
    expect(seen.map(({ done }) => done)).toEqual(seen.map((_, i) => i + 1));
    expect(seen.length).toBeGreaterThan(5);
    expect(seen.at(-1)!.done).toBe(seen.at(-1)!.tasks);
  }
  const tooMuch = new RangeError('enough');
  const failing = frame.sinkCSV(folder.path('never'), {
    onProgress: ({ done }) => {
      if (done >= 2) throw tooMuch;
    },
  });
  await expect(failing).rejects.toBe(tooMuch);
  expect(readdirSync(folder.path('')).filter(name => name.includes('never'))).toEqual([]);
  folder.close();
});
