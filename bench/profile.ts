import { volleyVersion } from '../core/base/version.js';
import { connect, type DataFrame, type Session } from '../index.js';
import { type TasksEnded, tasksEnded } from '../worker/pool/tasks-ended.js';
import { type Bandwidth, memoryBandwidth } from './bandwidth.js';
import { toArrow } from './data/arrow.js';
import { makeTables } from './data/tables.js';
import { groupbyQuestions } from './questions/groupby.js';
import { joinQuestions } from './questions/join.js';
import type { Question } from './questions/question.js';
import { type BenchOptions, type BenchReport, type BenchResult, figure, median } from './report.js';
import { checkArrow } from './systems/check-arrow.js';

const chosen: readonly (readonly [string, readonly Question[], readonly string[]])[] = [
  ['groupby', groupbyQuestions, ['q1', 'q5', 'q10']],
  ['join', joinQuestions, ['q5']],
];

/** One run of a question: where its time went. */
interface Run {
  readonly ms: number;
  /** Of the whole process, caller and garbage collector included. */
  readonly processorMs: number;
  /** From the last task's report to the table in the caller's hands. */
  readonly collectMs: number;
  /** By stage, in the order in which they first ended. */
  readonly stages: ReadonlyMap<string, TasksEnded>;
}

/**
 * Nanoseconds per row of the question's table, stage by stage, beside what the memory of this machine gives to plain
 * loops in the same run. Stage times are wall times inside the pool's threads, as the engine measures every task.
 */
export async function profile(options: BenchOptions): Promise<BenchReport> {
  const rows = options.rows ?? 1e7;
  const runs = options.runs ?? 5;
  const { threads, seed, na, sorted } = options;
  const before = [await memoryBandwidth(1), ...(threads > 1 ? [await memoryBandwidth(threads)] : [])];
  const results: BenchResult[] = [];
  for (const [bench, questions, ids] of chosen) {
    await using session = await connect({ threads });
    const tables = await loaded(session, bench, { rows, seed, na, sorted });
    for (const question of questions.filter(({ id }) => ids.includes(id))) {
      const name = `${bench} ${question.id}`;
      if (options.questions.length > 0 && !options.questions.includes(name)) continue;
      results.push(await profiled(name, question.volley(tables), runs, rows, threads));
    }
  }
  return {
    bench: 'profile',
    rows,
    threads,
    runs,
    seed,
    results,
    targets: [],
    notes: before.map(bandwidthNote),
  };
}

async function loaded(session: Session, bench: string, data: Parameters<typeof makeTables>[1]) {
  const tables: Record<string, DataFrame> = {};
  for (const table of makeTables(bench, data)) {
    tables[table.name] = await session.fromArrow(toArrow(table)).persist();
  }
  return tables;
}

async function profiled(
  question: string,
  frame: DataFrame,
  runs: number,
  rows: number,
  threads: number,
): Promise<BenchResult> {
  const first = await watched(frame);
  let check = checkArrow(first.table);
  const all: Run[] = [];
  for (let i = 0; i < runs; i++) {
    const { run, table } = await watched(frame);
    all.push(run);
    check = checkArrow(table);
  }
  const ms = all.map(run => run.ms);
  // The one that other programs disturbed least.
  const best = all.reduce((least, run) => (run.ms < least.ms ? run : least));
  const nsPerRow = (milliseconds: number) => (milliseconds * 1e6) / rows;
  const extra: Record<string, number> = {};
  // What a survey found out about a table that lies on the workers is remembered: later runs have none.
  for (const [name, { durationUs }] of first.run.stages) {
    if (phaseOf(name) === 'survey')
      extra['survey, in the first run only, ns/row'] = nsPerRow(durationUs / 1000);
  }
  let busyMs = 0;
  for (const [name, { durationUs, tasks }] of best.stages) {
    busyMs += durationUs / 1000;
    extra[`${phaseOf(name)}: ${name} × ${tasks}, ns/row`] = nsPerRow(durationUs / 1000);
  }
  extra['all tasks, ns/row'] = nsPerRow(busyMs);
  extra['threads without a task, ns/row'] = nsPerRow(Math.max(0, threads * best.ms - busyMs));
  extra['collect after the last task (wall), ns/row'] = nsPerRow(best.collectMs);
  extra['processor, whole process, ns/row'] = nsPerRow(best.processorMs);
  extra['wall, ns/row'] = nsPerRow(best.ms);
  return { system: 'volley', version: volleyVersion, question, ms, medianMs: median(ms), check, extra };
}

async function watched(frame: DataFrame) {
  const stages = new Map<string, TasksEnded>();
  let lastMs = 0;
  const onEnded = (message: unknown) => {
    const ended = message as TasksEnded;
    const known = stages.get(ended.name) ?? { name: ended.name, tasks: 0, durationUs: 0, rows: 0, bytes: 0 };
    stages.set(ended.name, {
      name: ended.name,
      tasks: known.tasks + ended.tasks,
      durationUs: known.durationUs + ended.durationUs,
      rows: known.rows + ended.rows,
      bytes: known.bytes + ended.bytes,
    });
    lastMs = performance.now();
  };
  tasksEnded.subscribe(onEnded);
  try {
    const usage = process.cpuUsage();
    const start = performance.now();
    const table = await frame.collect();
    const end = performance.now();
    const { user, system } = process.cpuUsage(usage);
    const run: Run = {
      ms: end - start,
      processorMs: (user + system) / 1000,
      collectMs: end - Math.max(start, lastMs),
      stages,
    };
    return { run, table };
  } finally {
    tasksEnded.unsubscribe(onEnded);
  }
}

/** What a stage does, as docs/performance.md calls it, from its name (distribute/graph-runner.ts). */
function phaseOf(stage: string): string {
  const words = stage.split(' ');
  const has = (word: string) => words.includes(word);
  if (has('survey')) return 'survey';
  if (has('table')) return 'build table';
  if (has('records')) return 'build rows';
  if (has('join')) return 'probe and gather';
  if (has('aggregate:partial')) return 'aggregate';
  if (has('aggregate:final')) return 'merge';
  if (has('aggregate:complete')) return 'group dealt rows';
  return has('hash') || has('range') ? 'deal' : 'project';
}

function bandwidthNote({ threads, read, copy }: Bandwidth): string {
  const gigabytes = (rate: number) => `${figure(rate / 1e9)} GB/s`;
  const eight = figure((8 / read) * 1e9 * threads);
  return `memory, ${threads} ${threads === 1 ? 'thread' : 'threads'}: read ${gigabytes(read)}, copy ${gigabytes(copy)} (read and written); 8 bytes read one after another cost a thread ${eight} ns`;
}
