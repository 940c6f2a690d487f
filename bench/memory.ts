import { volleyVersion } from '../core/base/version.js';
import { col, type DataFrame, LocalCluster, len, type Session } from '../index.js';
import { differ } from './compare.js';
import type { DataOptions } from './data/columns.js';
import { dataFiles } from './data/files.js';
import { checkKept } from './exchange.js';
import { type BenchOptions, type BenchReport, type BenchResult, figure, type Target } from './report.js';
import { withPeakResident } from './resident.js';
import type { Check } from './systems/protocol.js';

const workers = 2;
/** Data ÷ budget. */
const times = 4;
const extraBytesPerProcess = 400e6;
const slowerAtMost = 3;
const plentyBytes = 4e9;
/** The least a worker can be given. */
const leastBytes = 64 * 2 ** 20;

interface Task {
  readonly question: string;
  /** Bytes of a row in memory: numbers, and strings with their offsets. */
  readonly rowBytes: number;
  readonly rows: number;
  readonly files: Readonly<Record<string, string>>;
  readonly sums: readonly string[];
  run(session: Session, files: Readonly<Record<string, string>>): DataFrame;
}

interface Measured {
  readonly ms: number;
  readonly peakBytes: number;
  readonly check: Check;
}

/** Data four times the memory budget of two worker processes, from files, against the same with memory for everything. */
export async function memory(options: BenchOptions): Promise<BenchReport> {
  const rows = options.rows ?? 1e7;
  const results: BenchResult[] = [];
  const targets: Target[] = [];
  const failures: string[] = [];
  for (const task of await tasksOf(rows, options.seed)) {
    const dataBytes = task.rows * task.rowBytes;
    const perWorker = Math.max(leastBytes, Math.round(dataBytes / times / workers));
    const { question } = task;
    const version = volleyVersion;
    try {
      const roomy = await measure(task, plentyBytes / workers);
      const tight = await measure(task, perWorker);
      const wrong = differ(roomy.check, tight.check);
      if (wrong !== null) failures.push(`${question}: wrong answer: ${wrong}`);
      const limitBytes = workers * (perWorker + extraBytesPerProcess);
      const extra = { dataBytes, budgetBytes: workers * perWorker, peakRssBytes: tight.peakBytes };
      const inMemory = { peakRssBytes: roomy.peakBytes };
      results.push(
        result(`${question}, in memory`, roomy, inMemory),
        result(`${question}, data ${figure(dataBytes / perWorker / workers)} × the budget`, tight, extra),
      );
      targets.push(
        { name: `${question}: wall ÷ in memory`, value: tight.ms / roomy.ms, limit: slowerAtMost },
        { name: `${question}: sum of peak RSS, MB`, value: tight.peakBytes / 1e6, limit: limitBytes / 1e6 },
      );
    } catch (error) {
      failures.push(`${question}: ${error}`);
      const check = { rows: 0, sums: {} };
      results.push({
        system: 'volley',
        version,
        question,
        ms: [],
        medianMs: null,
        check,
        error: String(error),
      });
    }
  }
  return { bench: 'memory', rows, threads: workers, runs: 1, seed: options.seed, results, targets, failures };
}

function result(question: string, { ms, check }: Measured, extra: Record<string, number>): BenchResult {
  return { system: 'volley', version: volleyVersion, question, ms: [ms], medianMs: ms, check, extra };
}

async function tasksOf(rows: number, seed: number): Promise<Task[]> {
  const options = (count: number): DataOptions => ({ rows: count, seed, na: 0, sorted: false });
  const groupby = await dataFiles('groupby', options(rows));
  const half = Math.round(rows / 2);
  const join = await dataFiles('join', options(half));
  return [
    {
      question: 'group-by of six keys, a group a row',
      rowBytes: 9 + 9 + 16 + 5 * 4 + 8,
      rows,
      files: groupby,
      sums: ['id4', 'id5', 'id6', 'v3', 'n'],
      run: (session, { x }) =>
        session
          .scanParquet(x!)
          .groupBy('id1', 'id2', 'id3', 'id4', 'id5', 'id6')
          .agg(col('v3').sum(), len().alias('n')),
    },
    {
      question: 'join of two tables of equal size',
      rowBytes: 3 * 4 + 8 + 10 + 13 + 8,
      rows: 2 * half,
      files: join,
      sums: ['id1', 'id2', 'id3', 'v1', 'id1_right', 'id2_right', 'v2'],
      run: (session, { x, big }) => session.scanParquet(x!).join(session.scanParquet(big!), { on: 'id3' }),
    },
    {
      question: 'sort by a float',
      rowBytes: 9 + 9 + 16 + 5 * 4 + 8,
      rows,
      files: groupby,
      sums: ['id4', 'id5', 'id6', 'v1', 'v2', 'v3'],
      run: (session, { x }) => session.scanParquet(x!).sort('v3'),
    },
  ];
}

/** The result stays on the workers, in memory or spilled, and is read back for its check. */
async function measure(task: Task, memoryBytesPerWorker: number): Promise<Measured> {
  await using cluster = await LocalCluster.start({ workers, threadsPerWorker: 1, memoryBytesPerWorker });
  const session = await cluster.connect();
  const pids = () => cluster.workers.flatMap(worker => [worker.pid, worker.enginePid]);
  const start = performance.now();
  const { value, peakBytes } = await withPeakResident(pids, async () => {
    const kept = await task.run(session, task.files).persist();
    return { ms: performance.now() - start, check: await checkKept(kept, [...task.sums]) };
  });
  return { ...value, peakBytes };
}
