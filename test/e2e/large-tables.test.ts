import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testSeed } from '../../dataframe/testing/random-batch.js';
import { connect, type DataFrame, type Session } from '../../index.js';
import { differences, type LargeQuestion, largeQuestion, narrowQuestions } from './large-questions.js';
import { Chance, type LargeTable, largeTable, makeTable, narrowTable, openDuckDB } from './large-tables.js';

/** Answers over tables large enough for kernels, many groups and shuffles, compared with DuckDB's. */

const seed = testSeed();
const folder = mkdtempSync(join(tmpdir(), 'volley-large-'));
let sessions: Session[];
let duckdb: Awaited<ReturnType<typeof openDuckDB>>;
let files = 0;

beforeAll(async () => {
  sessions = [await connect({ threads: 2 }), await connect({ threads: 1 })];
  duckdb = await openDuckDB();
});

afterAll(async () => {
  for (const session of sessions) await session.close();
  duckdb.close();
  rmSync(folder, { recursive: true, force: true });
});

const nextFile = () => join(folder, `${files++}.parquet`);

/** The same rows from memory, kept, from a file, and kept from that. */
async function sourcesOf(session: Session, table: LargeTable): Promise<[string, DataFrame][]> {
  const path = nextFile();
  await makeTable(duckdb.db, table, path);
  const scan = session.scanParquet(path);
  const memory = session.fromArrow(await scan.collect(), { partitions: table.partitions });
  return [
    ['memory', memory],
    ['file', scan],
    ['kept', await memory.persist()],
    ['kept file', await scan.persist()],
  ];
}

/** What differs, with all that is needed to see it again. */
async function expectSame(session: Session, question: LargeQuestion): Promise<void> {
  const path = nextFile();
  await session.fromArrow(await question.frame.collect()).sinkParquet(path);
  const different = await differences(duckdb.db, question, path);
  rmSync(path);
  expect(different, `seed ${seed}: ${question.what}\n${question.sql}`).toEqual([]);
}

test('groups of narrow keys and values, wherever their rows come from, are those of DuckDB', async () => {
  const table = narrowTable(new Chance(seed));
  const sources = await sourcesOf(sessions[0]!, table);
  for (const [name, frame] of sources) {
    for (const question of narrowQuestions(table, frame, name)) await expectSame(sessions[0]!, question);
  }
  for (const [, frame] of sources) await frame.release();
});

test.each([0, 1])('random questions about random table %i have the answers of DuckDB', async number => {
  const chance = new Chance(seed + 1 + number);
  const session = sessions[number]!;
  const table = largeTable(chance, 20_000 + chance.below(180_000));
  const sources = await sourcesOf(session, table);
  const other = async (sql: string) => {
    await duckdb.db.run(sql);
    const path = nextFile();
    await duckdb.db.run(`copy u to '${path}' (format parquet, row_group_size 40000)`);
    return path;
  };
  for (let asked = 0; asked < 7; asked++) {
    const [name, frame] = chance.pick(sources);
    await expectSame(session, await largeQuestion(chance, session, table, frame, name, other));
  }
  for (const [, frame] of sources) await frame.release();
});
