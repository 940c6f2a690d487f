import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { packageRoot, volleyVersion } from '../core/base/version.js';
import { differ } from './compare.js';
import { dataFiles } from './data/files.js';
import { type BenchOptions, type BenchReport, type BenchResult, median, type Target } from './report.js';
import type { Check } from './systems/protocol.js';

const execute = promisify(execFile);
const memoryBytes = 256e6;
const extraBytes = 400e6;
const numbers = ['id4', 'id5', 'id6', 'v1', 'v2', 'v3'];

/**
 * One file is written by one task, a folder by all threads. A program cannot tell glibc to give freed buffers back once it
 * runs, as the engines of a cluster are told when they start: so the one file is also written by one of those.
 */
const questions = [
  { question: 'to a folder, embedded', name: 'parts', files: 'parts/*.parquet', embedded: true },
  { question: 'to one file, embedded', name: 'one.parquet', files: 'one.parquet', embedded: true },
  { question: 'to one file, by a worker', name: 'worker.parquet', files: 'worker.parquet', embedded: false },
] as const;

interface Converted {
  readonly ms: number;
  readonly peakRssBytes: number;
}

/** CSV, by default 2 GB of it, to Parquet with a budget of 256 MB. DuckDB compares both ends. */
export async function convert(options: BenchOptions): Promise<BenchReport> {
  const rows = options.rows ?? 4e7;
  const runs = options.runs ?? 1;
  const { threads, seed, na, sorted } = options;
  const { csv: source } = await dataFiles('convert', { rows, seed, na, sorted });
  const folder = mkdtempSync(join(tmpdir(), 'volley-convert-'));
  const results: BenchResult[] = [];
  const targets: Target[] = [];
  const failures: string[] = [];
  try {
    const expected = await checkFiles(`read_csv('${source}')`);
    for (const { question, name, files, embedded } of questions) {
      const target = join(folder, name);
      const measured: Converted[] = [];
      for (let run = 0; run < runs; run++) {
        rmSync(target, { recursive: true, force: true });
        measured.push(await convertApart(source!, target, threads, embedded));
      }
      const check = await checkFiles(`read_parquet('${join(folder, files)}')`);
      const wrong = differ(expected, check);
      if (wrong !== null) failures.push(`${question}: ${wrong}`);
      const ms = measured.map(each => each.ms);
      const peakRssBytes = Math.max(...measured.map(each => each.peakRssBytes));
      const extra = { csvBytes: statSync(source!).size, budgetBytes: memoryBytes, peakRssBytes };
      results.push({
        system: 'volley',
        version: volleyVersion,
        question,
        ms,
        medianMs: median(ms),
        check,
        extra,
      });
      targets.push({
        name: `${question}: peak RSS, MB`,
        value: peakRssBytes / 1e6,
        limit: (memoryBytes + extraBytes) / 1e6,
      });
      rmSync(target, { recursive: true, force: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { bench: 'convert', rows, threads, runs, seed, results, targets, failures };
}

/** In a process of its own, which loads nothing but Volley. What is measured is that, or its worker: supervisor and engine. */
async function convertApart(
  source: string,
  target: string,
  threads: number,
  embedded: boolean,
): Promise<Converted> {
  const [root, from, to] = [join(packageRoot, 'dist', 'index.js'), source, target].map(text =>
    JSON.stringify(text),
  );
  const budget = `{ workers: 1, threadsPerWorker: ${threads}, memoryBytesPerWorker: ${memoryBytes} }`;
  const open = embedded
    ? `const session = await connect({ threads: ${threads}, memoryBytes: ${memoryBytes} });
    const pids = ['self'];`
    : `const cluster = await LocalCluster.start(${budget});
    const session = await cluster.connect();
    const pids = cluster.workers.flatMap(({ pid, enginePid }) => [pid, enginePid]);`;
  const program = `
    import { readFileSync } from 'node:fs';
    import { connect, LocalCluster } from ${root};
    const start = performance.now();
    ${open}
    await session.scanCSV(${from}).sinkParquet(${to});
    const ms = performance.now() - start;
    const peakOf = pid => 1024 * /^VmHWM:\\s+(\\d+) kB$/m.exec(readFileSync(\`/proc/\${pid}/status\`, 'utf8'))[1];
    const peakRssBytes = pids.reduce((sum, pid) => sum + peakOf(pid), 0);
    await session.close();
    ${embedded ? '' : 'await cluster.close();'}
    console.log(JSON.stringify({ ms, peakRssBytes }));`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', program]);
  return JSON.parse(stdout) as Converted;
}

/** Row count and the sum of every numeric column, by DuckDB. */
async function checkFiles(relation: string): Promise<Check> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const sums = numbers.map(name => `fsum(${name})`);
  const [row] = (await connection.runAndReadAll(`SELECT count(*), ${sums} FROM ${relation}`)).getRows();
  connection.closeSync();
  instance.closeSync();
  const [rows, ...values] = row!.map(Number) as [number, ...number[]];
  return { rows, sums: Object.fromEntries(numbers.map((name, i) => [name, values[i]!])) };
}
