import { dataFiles } from './data/files.js';
import { categories } from './data/tables.js';
import type { Question } from './questions/question.js';
import { rawBulkRate } from './raw-rates.js';
import type { BenchOptions, BenchReport, BenchResult, Target } from './report.js';
import { figure, median } from './report.js';
import { questionsOf } from './systems/load.js';
import { SystemProcess } from './systems/process.js';
import type { Check, SystemJob } from './systems/protocol.js';

const tolerance = 1e-9;
/** Results below this size say nothing of a transport's rate. */
const rateFromBytes = 16 * 2 ** 20;
/** From so many rows on, systems are loaded one after another: their tables together would not fit. */
const aloneFromRows = 3e7;

interface Answers {
  readonly system: string;
  readonly version: string;
  readonly ms: Map<string, number[]>;
  readonly checks: Map<string, Check[]>;
  readonly extra: Map<string, Record<string, number>>;
  readonly errors: Map<string, string>;
  /** Questions that the system does not know. */
  readonly unanswered: Set<string>;
}

/** Median times, milliseconds. */
export interface Times {
  readonly ids: readonly string[];
  /** By question; NaN without an answer. */
  readonly volley: readonly number[];
  /** Each peer's, by question. */
  readonly peers: ReadonlyMap<string, readonly number[]>;
  /** The fastest peer's, by question. */
  readonly fastest: readonly number[];
  /** The total of the peer that is fastest in total; NaN without a peer that answered everything. */
  readonly fastestTotal: number;
}

/** How often questions are asked: those that take little more often than others, whose times scatter less. */
interface Repeats {
  readonly runs: number;
  /** Until all systems together have taken so long for a question, milliseconds, it is asked on, up to `most` times. */
  readonly untilMs: number;
  readonly most: number;
}

const defaultRuns = 5;

/**
 * Asks every system every question, each in its own process, and compares times and answers.
 * @param short how long, milliseconds, and how often at most questions are asked where the command line does not say how often
 */
export async function compare(
  bench: string,
  options: BenchOptions,
  targetsOf: (times: Times) => Target[],
  short = { untilMs: 0, most: defaultRuns },
): Promise<BenchReport> {
  const rows = options.rows ?? 1e7;
  const runs = options.runs ?? defaultRuns;
  const repeats = { runs, ...(options.runs === null ? short : { untilMs: 0, most: runs }) };
  const { seed, na, sorted, threads, load, cluster } = options;
  const dataOptions = { rows, seed, na, sorted };
  const notes: string[] = [];
  const started = performance.now();
  const files = await dataFiles(bench, dataOptions);
  const generatedMs = performance.now() - started;
  if (generatedMs > 100) notes.push(`data generated in ${figure(generatedMs)} ms`);
  const job: SystemJob = {
    ...dataOptions,
    bench,
    threads,
    files,
    categories: categories[bench]!,
    scan: bench === 'scan',
    load,
    cluster,
  };
  const questions = questionsOf[bench]!.filter(
    ({ id }) => options.questions.length === 0 || options.questions.includes(id),
  );
  const missing: string[] = [];
  const answers: Answers[] = [];
  const systems = ['volley', ...options.peers];
  for (const group of rows >= aloneFromRows ? systems.map(name => [name]) : [systems]) {
    answers.push(...(await measure(group, job, questions, repeats, missing, notes)));
  }
  const failures = findFailures(answers, questions);
  const { table, times } = ratios(answers, questions);
  notes.push(...table);
  const collected = cluster ? await collection(answers, notes) : [];
  const compared = !Number.isNaN(times.fastestTotal) && !times.volley.some(Number.isNaN);
  return {
    bench,
    rows,
    threads,
    runs,
    seed,
    results: toResults(answers, questions),
    targets: [...(compared ? targetsOf(times) : []), ...firstRuns(answers, questions, runs), ...collected],
    missing,
    failures,
    notes,
  };
}

/** Systems of one group take turns at every run, so that a busy moment of the machine meets them all, each when the one before rests. */
async function measure(
  group: readonly string[],
  job: SystemJob,
  questions: readonly Question[],
  { runs, untilMs, most }: Repeats,
  missing: string[],
  notes: string[],
): Promise<Answers[]> {
  const running: { process: SystemProcess; answers: Answers }[] = [];
  try {
    for (const system of group) {
      const process = SystemProcess.start(system, job);
      if (process === null) {
        missing.push(system);
        continue;
      }
      const ready = await process.ready();
      const version = ready.kind === 'ready' ? ready.version : '';
      const answers = newAnswers(system, version);
      running.push({ process, answers });
      if (ready.kind === 'ready') {
        notes.push(
          `${system} ${version}: loaded in ${figure(ready.loadMs)} ms, converted in ${figure(ready.convertMs)} ms (${ready.note ?? ''})`,
        );
      } else {
        const message = ready.kind === 'error' ? ready.message : 'it answered before it was ready';
        for (const { id } of questions) answers.errors.set(id, message);
      }
    }
    for (const { id } of questions) {
      const tookMs = () =>
        running.reduce((sum, { answers }) => sum + (answers.ms.get(id) ?? []).reduce((a, b) => a + b, 0), 0);
      for (let run = 0; run < runs || (run < most && tookMs() < untilMs); run++) {
        for (const { process, answers } of running) {
          if (!answers.errors.has(id) && !answers.unanswered.has(id)) {
            await askOnce(process, answers, id);
            await process.rest();
          }
        }
      }
    }
  } finally {
    await Promise.all(running.map(({ process }) => process.end()));
  }
  return running.map(({ answers }) => answers);
}

async function askOnce(process: SystemProcess, answers: Answers, id: string): Promise<void> {
  const reply = await process.ask(id);
  if (reply.kind !== 'answer') {
    if (reply.kind === 'unanswered') answers.unanswered.add(id);
    else answers.errors.set(id, reply.kind === 'error' ? reply.message : 'an unexpected reply');
    return;
  }
  push(answers.ms, id, reply.ms);
  push(answers.checks, id, reply.check);
  if (reply.extra !== undefined) answers.extra.set(id, { ...reply.extra });
}

function newAnswers(system: string, version: string): Answers {
  return {
    system,
    version,
    ms: new Map(),
    checks: new Map(),
    extra: new Map(),
    errors: new Map(),
    unanswered: new Set(),
  };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** Errors, and answers of any run of any system that differ from the first one given. */
function findFailures(answers: readonly Answers[], questions: readonly Question[]): string[] {
  const failures: string[] = [];
  for (const { id } of questions) {
    for (const { system, errors } of answers) {
      const error = errors.get(id);
      if (error !== undefined) failures.push(`${id} ${system}: ${error.split('\n')[0]}`);
    }
    for (let a = 0; a < answers.length; a++) {
      for (let b = a; b < answers.length; b++) {
        const difference = differInAnyRun(answers[a]!.checks.get(id) ?? [], answers[b]!.checks.get(id) ?? []);
        if (difference === null) continue;
        failures.push(
          `${id} wrong answer: ${answers[a]!.system} and ${answers[b]!.system} differ in ${difference}`,
        );
      }
    }
  }
  return failures;
}

function differInAnyRun(left: readonly Check[], right: readonly Check[]): string | null {
  for (const a of left) {
    for (const b of right) {
      const difference = differ(a, b);
      if (difference !== null) return difference;
    }
  }
  return null;
}

export function differ(a: Check, b: Check): string | null {
  if (a.rows !== b.rows) return `rows: ${a.rows} and ${b.rows}`;
  const names = new Set([...Object.keys(a.sums), ...Object.keys(b.sums)]);
  for (const name of names) {
    const x = a.sums[name];
    const y = b.sums[name];
    if (typeof x !== 'number' || typeof y !== 'number') return `${name}: not numeric in both`;
    if (!(Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y)))) return `${name}: ${x} and ${y}`;
  }
  return null;
}

/** A line a question: Volley, each peer, Volley ÷ the fastest peer. */
function ratios(
  answers: readonly Answers[],
  questions: readonly Question[],
): { table: string[]; times: Times } {
  const [volleyAnswers, ...peers] = answers;
  const volley: number[] = [];
  const fastest: number[] = [];
  const table = [`${cell('', 32)}${answers.map(({ system }) => cell(system, 11, true)).join('')}      ratio`];
  const medians = (of: Answers) => questions.map(({ id }) => median(of.ms.get(id) ?? []));
  questions.forEach(({ id, title }) => {
    const own = median(volleyAnswers?.ms.get(id) ?? []);
    const others = peers.map(peer => median(peer.ms.get(id) ?? [])).filter(ms => !Number.isNaN(ms));
    const best = others.length === 0 ? Number.NaN : Math.min(...others);
    volley.push(own);
    fastest.push(best);
    const figures = answers.map(of => cell(figure(median(of.ms.get(id) ?? [])), 11, true)).join('');
    table.push(`${cell(`${id} ${title}`, 32)}${figures}${cell(figure(own / best), 11, true)}`);
  });
  const totals = answers.map(of => medians(of).reduce((sum, ms) => sum + ms, 0));
  const complete = totals.slice(1).filter(ms => !Number.isNaN(ms));
  const best = complete.length === 0 ? Number.NaN : Math.min(...complete);
  table.push(
    `${cell('total, ms', 32)}${totals.map(ms => cell(figure(ms), 11, true)).join('')}${cell(figure(totals[0]! / best), 11, true)}`,
  );
  const ids = questions.map(({ id }) => id);
  const byPeer = new Map(peers.map(peer => [peer.system, medians(peer)]));
  return { table, times: { ids, volley, peers: byPeer, fastest, fastestTotal: best } };
}

function cell(text: string, width: number, right = false): string {
  const cut = text.slice(0, width);
  return right ? cut.padStart(width) : cut.padEnd(width);
}

/** Compiling is part of the price of a first run. With fewer than three runs the median says nothing of the others. */
function firstRuns(answers: readonly Answers[], questions: readonly Question[], runs: number): Target[] {
  const volley = answers.find(({ system }) => system === 'volley');
  const times = questions.flatMap(({ id }) => {
    const ms = volley?.ms.get(id) ?? [];
    return ms.length === 0 ? [] : [ms[0]! / median(ms)];
  });
  if (runs < 3 || times.length === 0) return [];
  return [{ name: 'slowest first run ÷ median', value: Math.max(...times), limit: 2.5 }];
}

/** Results left on a cluster, brought here: the bytes of all of them over the time of all, against the bare transport. */
async function collection(answers: readonly Answers[], notes: string[]): Promise<Target[]> {
  let bytes = 0;
  let ms = 0;
  for (const extra of answers[0]?.extra.values() ?? []) {
    // Small results are round trips, not a rate.
    if (extra.collectBytes! < rateFromBytes) continue;
    bytes += extra.collectBytes!;
    ms += extra.collectMs!;
  }
  if (bytes === 0) return [];
  const raw = await rawBulkRate();
  const rate = (bytes / ms) * 1_000;
  notes.push(`collect(): ${figure(rate / 1e6)} MB/s; the transport alone: ${figure(raw / 1e6)} MB/s`);
  return [{ name: "collect() ÷ the transport's rate", value: rate / raw, limit: 0.7, atLeast: true }];
}

function toResults(answers: readonly Answers[], questions: readonly Question[]): BenchResult[] {
  return answers.flatMap(of =>
    questions
      .filter(({ id }) => !of.unanswered.has(id))
      .map(({ id }) => {
        const ms = of.ms.get(id) ?? [];
        return {
          system: of.system,
          version: of.version,
          question: id,
          ms,
          medianMs: ms.length === 0 ? null : median(ms),
          check: of.checks.get(id)?.[0] ?? { rows: 0, sums: {} },
          extra: of.extra.get(id),
          error: of.errors.get(id),
        };
      }),
  );
}
