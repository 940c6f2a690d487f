import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Judge, openJudge } from '../../dataframe/testing/judge.js';
import {
  type Answer,
  airportsFile,
  answerHash,
  flightsAnswer,
  flightsFile,
} from '../../examples/flights-queries.js';
import { connect } from '../../index.js';

/** The demo's tables are those DuckDB finds in the same files. */

let folder = '';
let parquet = '';
let judge: Judge;
let answer: Answer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'volley-flights-'));
  parquet = join(folder, 'answer.parquet');
  const session = await connect({ threads: 2 });
  answer = await flightsAnswer(session, parquet);
  await session.close();
  judge = await openJudge();
  await judge.query(`CREATE TABLE flights AS
    SELECT f.*, a.state, month(f.date)::INT AS month, hour(f.date)::INT AS hour FROM read_parquet('${flightsFile}') f
    LEFT JOIN read_csv('${airportsFile}', header = true, all_varchar = true) a ON f.origin = a.iata`);
});
afterAll(() => {
  judge.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Same names, same rows in the same order; integers and texts exactly, means within 1e-12. */
function agree(ours: readonly object[], theirs: readonly object[], means: readonly string[] = []): void {
  expect(ours.length).toBe(theirs.length);
  for (const [i, row] of theirs.entries()) {
    const mine = ours[i] as Record<string, unknown>;
    expect(Object.keys(mine)).toEqual(Object.keys(row));
    for (const [name, value] of Object.entries(row)) {
      const expected = typeof value === 'bigint' ? Number(value) : value;
      const where = `row ${i}, ${name}`;
      if (means.includes(name) && expected !== null) {
        const off =
          Math.abs((mine[name] as number) - (expected as number)) /
          Math.max(1e-300, Math.abs(expected as number));
        expect(off, where).toBeLessThan(1e-12);
      } else {
        expect(mine[name], where).toEqual(expected);
      }
    }
  }
}

const byStateAndMonth = `SELECT state, month, count(*) AS flights, avg(delay) AS mean_delay, max(delay) AS max_delay,
  sum(distance)::BIGINT AS miles FROM flights GROUP BY state, month ORDER BY state NULLS LAST, month`;

test('delays by state and month', async () => {
  const expected = await judge.query(byStateAndMonth);
  expect(expected.length).toBeGreaterThan(300);
  agree(answer.byStateAndMonth, expected, ['mean_delay']);
});

test('the worst routes', async () => {
  const sql = `SELECT origin, destination, count(*) AS flights, avg(delay) AS mean_delay FROM flights
    GROUP BY origin, destination HAVING count(*) >= 1000 ORDER BY mean_delay DESC, origin, destination LIMIT 10`;
  agree(answer.worstRoutes, await judge.query(sql), ['mean_delay']);
});

test('late flights by hour', async () => {
  const sql = `SELECT hour, count(*) AS flights, count(delay) FILTER (WHERE delay > 30) AS late,
    count(delay) FILTER (WHERE delay > 30) / count(*) AS late_share FROM flights GROUP BY hour ORDER BY hour`;
  agree(answer.lateByHour, await judge.query(sql), ['late_share']);
});

test('the Parquet file holds the first table, for other readers too', async () => {
  const read = await judge.query(`SELECT * FROM read_parquet('${parquet}')`);
  const plain = read.map(row =>
    Object.fromEntries(Object.entries(row).map(([name, v]) => [name, typeof v === 'bigint' ? Number(v) : v])),
  );
  expect(plain).toEqual(answer.byStateAndMonth);
  agree(plain, await judge.query(byStateAndMonth), ['mean_delay']);
});

test('another number of threads, the same bits', async () => {
  const session = await connect({ threads: 1 });
  const again = await flightsAnswer(session, join(folder, 'again.parquet'));
  await session.close();
  expect(answerHash(again)).toBe(answerHash(answer));
});
