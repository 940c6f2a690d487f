import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { limits } from '../core/base/limits.js';
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
 * runs, as the engines of a cluster are told when they start: so the one file is also written by one that was started so.
 */
const questions = [
  { question: 'to a folder', name: 'parts', files: 'parts/*.parquet', env: {} },
  { question: 'to one file', name: 'one.parquet', files: 'one.parquet', env: {} },
  {
    question: 'to one file, MALLOC_MMAP_THRESHOLD_ set',
    name: 'lean.parquet',
    files: 'lean.parquet',
    env: { MALLOC_MMAP_THRESHOLD_: String(limits.mallocKeptBytes) },
  },
] as const;

interface Converted {
  readonly ms: number;
  readonly peakRssBytes: number;
}

/** CSV, by default 2 GB of it, to Parquet by an embedded session with a budget of 256 MB. DuckDB compares both ends. */
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
    for (const { question, name, files, env } of questions) {
      const target = join(folder, name);
      const measured: Converted[] = [];
      for (let run = 0; run < runs; run++) {
        rmSync(target, { recursive: true, force: true });
        measured.push(await convertApart(source!, target, threads, env));
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

/** In a process of its own, which loads nothing but Volley. */
async function convertApart(
  source: string,
  target: string,
  threads: number,
  env: Readonly<Record<string, string>>,
): Promise<Converted> {
  const [root, from, to] = [join(packageRoot, 'dist', 'index.js'), source, target].map(text =>
    JSON.stringify(text),
  );
  const program = `
    import { readFileSync } from 'node:fs';
    import { connect } from ${root};
    const start = performance.now();
    const session = await connect({ threads: ${threads}, memoryBytes: ${memoryBytes} });
    await session.scanCSV(${from}).sinkParquet(${to});
    await session.close();
    const ms = performance.now() - start;
    const [, peakKiB] = /^VmHWM:\\s+(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
    console.log(JSON.stringify({ ms, peakRssBytes: 1024 * peakKiB }));`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...env },
  });
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
