import { volleyVersion } from '../../core/base/version.js';
import { all, connect, type DataFrame, LocalCluster, len, type Session } from '../../index.js';
import { toArrow } from '../data/arrow.js';
import { makeTables } from '../data/tables.js';
import type { Question } from '../questions/question.js';
import { checkArrow, numericNames } from './check-arrow.js';
import type { LoadedSystem, SystemJob } from './protocol.js';

/** Volley with its tables kept on its workers: embedded, or on a cluster of one-threaded processes of this machine. */
export async function loadVolley(job: SystemJob, questions: readonly Question[]): Promise<LoadedSystem> {
  const cluster = job.cluster
    ? await LocalCluster.start({ workers: job.threads, threadsPerWorker: 1 })
    : null;
  const session = cluster === null ? await connect({ threads: job.threads }) : await cluster.connect();
  const { tables, loadMs, convertMs } = await loadTables(session, job);
  const find = (id: string) => questions.find(question => question.id === id)!;
  return {
    version: volleyVersion,
    loadMs,
    convertMs,
    note: noteOf(job),
    ask: id => (job.cluster ? askKept(find(id).volley(tables)) : askHere(find(id).volley(tables))),
    async close() {
      await session.close();
      await cluster?.close();
    },
  };
}

function noteOf({ scan, load }: SystemJob): string {
  if (scan) return 'from files';
  return load === 'arrow' ? 'strings of few values as Arrow dictionaries' : 'from Parquet as it is';
}

async function loadTables(session: Session, job: SystemJob) {
  const tables: Record<string, DataFrame> = {};
  const start = performance.now();
  if (job.scan) {
    for (const [name, file] of Object.entries(job.files))
      tables[name] = file.endsWith('.csv') ? session.scanCSV(file) : session.scanParquet(file);
    return { tables, loadMs: 0, convertMs: 0 };
  }
  if (job.load === 'parquet') {
    for (const [name, file] of Object.entries(job.files))
      tables[name] = await session.scanParquet(file).persist();
    return { tables, loadMs: performance.now() - start, convertMs: 0 };
  }
  const made = makeTables(job.bench, job).map(table => [table.name, toArrow(table)] as const);
  const converted = performance.now();
  for (const [name, table] of made) tables[name] = await session.fromArrow(table).persist();
  return { tables, loadMs: performance.now() - converted, convertMs: converted - start };
}

async function askHere(frame: DataFrame) {
  const start = performance.now();
  const table = await frame.collect();
  const ms = performance.now() - start;
  return { ms, check: checkArrow(table) };
}

/** The result stays on the workers; count and sums come from a query over it, the collection is timed by itself. */
async function askKept(frame: DataFrame) {
  const start = performance.now();
  const kept = await frame.persist();
  const ms = performance.now() - start;
  try {
    const names = numericNames(await kept.schema());
    const sums = all().sum();
    const [row] = await kept
      .select(...names)
      .select(sums)
      .toRecords();
    const [{ rows } = { rows: 0 }] = (await kept.select(len().alias('rows')).toRecords()) as {
      rows: number;
    }[];
    const check = { rows, sums: (row ?? {}) as Record<string, number> };
    const collecting = performance.now();
    const table = await kept.collect();
    const collectMs = performance.now() - collecting;
    return { ms, check, extra: { collectMs, collectBytes: bytesOf(table) } };
  } finally {
    await kept.release();
  }
}

function bytesOf(table: Awaited<ReturnType<DataFrame['collect']>>): number {
  return table.batches.reduce((sum, batch) => sum + batch.data.byteLength, 0);
}
