import * as arrow from 'apache-arrow';
import { beforeAll, expect, test } from 'vitest';
import type { PlanOptions } from '../../dataframe/distribute/constants.js';
import { col, connect, type DataFrame, LocalCluster, len, type Session } from '../../index.js';
import { bitQuestions, numbersBelow, type Question } from './bit-questions.js';
import { bitsOf, ulpsBetween } from './bits.js';
import { until } from './until.js';

/** The promise of the product: the same answer, bit for bit, wherever and however it is computed. */

interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly string[][];
  readonly physical: string;
  /** Tasks that ran for it: the real plan, which `explain` only guesses. */
  readonly tasks: number;
  /** Stages of real sizes, surveyed, and the loops they lead to; where it is asked for. */
  readonly code?: string;
}

const finished = async (session: Session) => (await session.status()).counters['tasks-finished'] ?? 0;

async function answerOf({ frame }: Question, session: Session, options: PlanOptions = {}): Promise<Answer> {
  const planned = frame.with(options);
  const before = await finished(session);
  const table = await planned.collect();
  const tasks = (await finished(session)) - before;
  const columns = table.schema.fields.map(field => field.name);
  return { columns, rows: bitsOf(table), physical: await planned.explain({ physical: true }), tasks };
}

async function answersOf(session: Session): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>();
  for (const question of await bitQuestions(session)) {
    const answer = await answerOf(question, session);
    const code = await question.frame.explain({ code: true });
    answers.set(question.name, { ...answer, code });
  }
  return answers;
}

let reference: Map<string, Answer>;

beforeAll(async () => {
  await using session = await connect({ threads: 1 });
  reference = await answersOf(session);
}, 120_000);

/** Names the first row that differs: a diff of whole answers would be endless. */
function expectRows(rows: readonly string[][], wanted: readonly string[][], what: string): void {
  const texts = wanted.map(row => row.join('|'));
  const different = rows.findIndex((row, r) => row.join('|') !== texts[r]);
  const found = { rows: rows.length, row: different, is: rows[different] };
  expect(found, what).toEqual({ rows: wanted.length, row: -1, is: undefined });
}

/** The same rows in the same order, from the same number of tasks by the same plan. */
function expectReference(answers: ReadonlyMap<string, Answer>): void {
  expect([...answers.keys()]).toEqual([...reference.keys()]);
  for (const [name, { rows, ...plan }] of answers) {
    const { rows: wanted, ...planned } = reference.get(name)!;
    expect(plan, name).toEqual(planned);
    expectRows(rows, wanted, name);
  }
}

test('four threads and little memory: the same bits, order and plans', async () => {
  await using session = await connect({ threads: 4, memoryBytes: 64 * 2 ** 20 });
  expectReference(await answersOf(session));
}, 120_000);

test.each([1, 2, 7])(
  '%i worker processes: the same bits, order and plans',
  async workers => {
    await using cluster = await LocalCluster.start({ workers });
    expectReference(await answersOf(await cluster.connect()));
  },
  120_000,
);

test('SIGKILL of a worker in the middle of all of them: the same bits, order and plans', async () => {
  await using cluster = await LocalCluster.start({ workers: 3 });
  const session = await cluster.connect();
  const questions = await bitQuestions(session);
  const tasks = [...reference.values()].reduce((sum, answer) => sum + answer.tasks, 0);
  const before = await finished(session);
  let ended = 0;
  const running = Promise.all(
    questions.map(async question => {
      const table = await question.frame.collect();
      ended++;
      return bitsOf(table);
    }),
  );
  await until(async () => (await finished(session)) > before + tasks / 3);
  cluster.workers[1]!.kill('SIGKILL');
  expect(ended).toBeLessThan(questions.length);
  const answers = await running;
  await until(async () => (await session.status()).counters['workers-lost'] === 1);
  for (const [q, { name }] of questions.entries()) expectRows(answers[q]!, reference.get(name)!.rows, name);
}, 120_000);

/** Not `taskRows`: it moves the bounds of partitions, which belong to the data. */
const forced: Readonly<Record<Question['kinds'][number], readonly PlanOptions[]>> = {
  group: [
    { partial: true, fanOut: 5 },
    { partial: false, fanOut: 1 },
    { partial: false, fanOut: 4, parts: 3 },
    { surveyBytes: 0 },
    { groupTier: 'dense' },
    { groupTier: 'table' },
    { groupTier: 'packed', partial: false },
  ],
  join: [
    { broadcastBytes: 0, fanOut: 6 },
    { broadcastBytes: 0, fanOut: 2, joinTier: 'hash' },
    { broadcastBytes: 2 ** 30, joinTier: 'hash' },
    { sharedBuildBytes: 0, joinTier: 'dense' },
    { sharedBuildBytes: 0, joinTier: 'hash' },
  ],
  sort: [{ topRows: 0, fanOut: 1 }, { topRows: 0, fanOut: 3 }, { fanOut: 7 }],
};

/** Where another plan was chosen: rows in any order, variances and correlations within 2 ulp, every other bit equal. */
function expectRowsByKey(question: Question, answer: Answer, wanted: Answer, what: string): void {
  const near = answer.columns.flatMap((name, c) => (question.close?.includes(name) ? [c] : []));
  const exact = (row: readonly string[]) => row.filter((_, c) => !near.includes(c));
  const inOrder = (rows: readonly string[][]) =>
    rows.map(row => ({ row, key: exact(row).join('|') })).sort((a, b) => (a.key < b.key ? -1 : 1));
  const [mine, theirs] = [inOrder(answer.rows), inOrder(wanted.rows)];
  expectRows(
    mine.map(({ row }) => exact(row)),
    theirs.map(({ row }) => exact(row)),
    what,
  );
  const apart = mine.map(({ row }, r) =>
    Math.max(0, ...near.map(c => ulpsBetween(row[c]!, theirs[r]!.row[c]!))),
  );
  expect(Math.max(0, ...apart), `${what}: ulp`).toBeLessThanOrEqual(2);
}

test('every alternative forced: the same bits by key', async () => {
  await using session = await connect({ threads: 2 });
  const plans = new Map<string, Set<string>>();
  const questions = await bitQuestions(session);
  for (const [q, question] of questions.entries()) {
    const wanted = reference.get(question.name)!;
    plans.set(question.name, new Set([`${wanted.physical} ${wanted.tasks}`]));
    // In turns: every alternative meets half of the questions it concerns.
    const options = question.kinds.flatMap(kind => forced[kind]).filter((_, o) => (q + o) % 2 === 0);
    for (const option of options) {
      const answer = await answerOf(question, session, option);
      plans.get(question.name)!.add(`${answer.physical} ${answer.tasks}`);
      expectRowsByKey(question, answer, wanted, `${question.name} ${JSON.stringify(option)}`);
    }
  }
  // They were forced: no question that has alternatives has one plan only.
  for (const { name, kinds } of questions) {
    expect(plans.get(name)!.size, name).toBeGreaterThan(kinds.length > 0 ? 1 : 0);
  }
}, 120_000);

test('spilled or not: the same bits, order and plans', async () => {
  const rows = 3_000_000;
  const below = numbersBelow(11);
  const many = new arrow.Table({
    k: arrow.makeVector(Int32Array.from({ length: rows }, () => below(700_000))),
    v: arrow.makeVector(
      Float64Array.from({ length: rows }, () => (below(2 ** 31) / 2 ** 31) * 10 ** below(12)),
    ),
    w: arrow.makeVector(Float64Array.from({ length: rows }, () => below(1000) / 7)),
  });
  const ask = async (memoryBytes: number) => {
    await using session = await connect({ threads: 2, memoryBytes });
    const kept = await session.fromArrow(many).persist();
    const summed = (frame: DataFrame) =>
      frame.select(len(), col('v').sum().alias('v'), col('w').mean().alias('w'), col('v').std().alias('std'));
    const questions: Question[] = [
      {
        name: 'group by',
        kinds: [],
        frame: kept.groupBy('k').agg(col('v').sum(), col('w').mean()).sort('k').head(20_000),
      },
      { name: 'sort', kinds: [], frame: kept.sort('w', 'v').head(70_000).tail(20_000) },
      {
        name: 'join',
        kinds: [],
        frame: summed(kept.join(kept.filter(col('w').lt(20)).select('k'), { on: 'k' })),
      },
    ];
    const answers: Answer[] = [];
    let spilledBytes = 0;
    for (const question of questions) {
      answers.push(await answerOf(question, session));
      spilledBytes = Math.max(spilledBytes, (await session.status()).workers[0]!.spilledBytes);
    }
    return { questions, answers, spilledBytes };
  };
  const roomy = await ask(2 ** 30);
  const tight = await ask(64 * 2 ** 20);
  expect(roomy.spilledBytes).toBe(0);
  expect(tight.spilledBytes).toBeGreaterThan(0);
  for (const [q, answer] of tight.answers.entries()) {
    const { name } = tight.questions[q]!;
    const { rows, ...planned } = roomy.answers[q]!;
    expect({ ...answer, rows: [] }, name).toEqual({ ...planned, rows: [] });
    expectRows(answer.rows, rows, name);
  }
}, 120_000);
