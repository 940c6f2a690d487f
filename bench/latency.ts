import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot, volleyVersion } from '../core/base/version.js';
import { LocalCluster } from '../index.js';
import { differ } from './compare.js';
import type { Probe, ProbeJob, ProbeName } from './probes.js';
import { type BenchOptions, type BenchReport, type BenchResult, median, type Target } from './report.js';
import type { Check } from './systems/protocol.js';

const execute = promisify(execFile);
const main = join(packageRoot, 'dist', 'bench', 'main.js');
const nothing: Check = { rows: 0, sums: {} };

/** How soon answers come: small queries, starts, and what a big query does to the caller's event loop. */
export async function latency(options: BenchOptions): Promise<BenchReport> {
  const rows = options.rows ?? 1e7;
  const runs = options.runs ?? 5;
  const job: ProbeJob = { rows, seed: options.seed, threads: options.threads };
  const failures: string[] = [];
  const results: BenchResult[] = [];
  const add = (question: string, ms: readonly number[], check: Check, extra?: Record<string, number>) => {
    results.push({
      system: 'volley',
      version: volleyVersion,
      question,
      ms,
      medianMs: median(ms),
      check,
      extra,
    });
    return median(ms);
  };
  const cold = await repeat(runs, () => probe('cold', job));
  const warm = await probe('warm', job);
  for (const { check } of [...cold, warm]) {
    const difference = differ(cold[0]!.check, check);
    if (difference !== null) failures.push(`wrong answer of the small query: ${difference}`);
  }
  const loop = await probe('event-loop', job);
  failures.push(...loop.errors!);
  const { check } = warm;
  const coldMs = cold.map(({ ms }) => ms[0]!);
  const firstMs = cold.map(({ connectMs }) => connectMs!);
  const importMs = await repeat(runs, importOnce);
  const clusterMs = await repeat(runs, startCluster);
  const targets: Target[] = [
    { name: 'small query warm, ms', value: add('small query, warm', warm.ms, check), limit: 1 },
    { name: 'small query cold, ms', value: add('small query, cold', coldMs, check), limit: 10 },
    {
      name: 'connect() to first result, ms',
      value: add('connect() to first result', firstMs, check),
      limit: 150,
    },
    { name: 'LocalCluster of 2, ms', value: add('LocalCluster of 2', clusterMs, nothing), limit: 1_000 },
    { name: "import 'volley', ms", value: add("import 'volley'", importMs, nothing), limit: 60 },
    { name: 'event-loop delay, ms', value: loop.delayMs!, limit: 20 },
  ];
  add('groupby questions, collected', loop.ms, loop.check, { eventLoopDelayMs: loop.delayMs! });
  return {
    bench: 'latency',
    rows,
    threads: options.threads,
    runs,
    seed: options.seed,
    results,
    targets,
    failures,
  };
}

async function repeat<T>(times: number, once: () => Promise<T>): Promise<T[]> {
  const values: T[] = [];
  for (let i = 0; i < times; i++) values.push(await once());
  return values;
}

/** A process of its own: nothing of it was loaded, compiled or warmed before. */
async function probe(name: ProbeName, job: ProbeJob): Promise<Probe> {
  const { stdout } = await execute(process.execPath, [main, 'probe', name, JSON.stringify(job)]);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Probe;
}

async function importOnce(): Promise<number> {
  const root = JSON.stringify(join(packageRoot, 'dist', 'index.js'));
  const program = `const start = performance.now(); await import(${root}); console.log(performance.now() - start);`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', program]);
  return Number(stdout);
}

async function startCluster(): Promise<number> {
  const start = performance.now();
  const cluster = await LocalCluster.start({ workers: 2, threadsPerWorker: 1 });
  const ms = performance.now() - start;
  await cluster.close();
  return ms;
}
