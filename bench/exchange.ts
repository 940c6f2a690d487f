import { setTimeout as sleep } from 'node:timers/promises';
import { volleyVersion } from '../core/base/version.js';
import { col, type DataFrame, LocalCluster, len } from '../index.js';
import { differ } from './compare.js';
import { toArrow } from './data/arrow.js';
import { pointsBytes, pointsTable } from './data/points.js';
import { type RawGrpc, startRawGrpc } from './raw-rates.js';
import { type BenchOptions, type BenchReport, type BenchResult, median, type Target } from './report.js';
import { checkArrow } from './systems/check-arrow.js';
import type { Check } from './systems/protocol.js';

const workers = 2;
/** What a process does when it is done, collecting garbage and freeing results, shall not be in the time of the other. */
const restMs = 50;
type Route = 'gRPC' | 'default';
const shareOfRaw: Readonly<Record<Route, number>> = { gRPC: 0.4, default: 1 };

interface Exchange {
  readonly name: string;
  readonly apply: (frame: DataFrame) => DataFrame;
  /** Looks at the result on the workers; a sentence when it is wrong. */
  readonly verify: (kept: DataFrame) => Promise<string | null>;
}

/** A hash shuffle by an int key. */
export function shuffle(options: BenchOptions): Promise<BenchReport> {
  return exchange(options, {
    name: 'shuffle',
    apply: frame => frame.repartition({ by: 'k' }),
    verify: async () => null,
  });
}

/** A full sort by an int key. */
export function sort(options: BenchOptions): Promise<BenchReport> {
  return exchange(options, { name: 'sort', apply: frame => frame.sort('k'), verify: isSorted });
}

/**
 * Worker processes exchange rows that lie in their memory, until the results lie there too. Of the bytes, the share
 * that has to change its process counts as wire bytes: with hash or range partitions, (workers − 1) / workers. Before each
 * exchange bare grpc-js pulls its bytes, so that both meet the machine as it is then: medians of both are compared.
 */
async function exchange(options: BenchOptions, { name, apply, verify }: Exchange): Promise<BenchReport> {
  const rows = options.rows ?? 1e7;
  const runs = options.runs ?? 11;
  const made = pointsTable({ rows, seed: options.seed, na: 0, sorted: false });
  const table = toArrow(made);
  const expected = checkArrow(table);
  const wireBytes = (pointsBytes(rows) * (workers - 1)) / workers;
  const results: BenchResult[] = [];
  const targets: Target[] = [];
  const failures: string[] = [];
  const raw = await startRawGrpc();
  try {
    for (const route of ['gRPC', 'default'] as const) {
      const question = `${name} over ${route === 'gRPC' ? 'gRPC' : 'what it chooses'}`;
      try {
        const { ms, rates } = await withRoute(route, async session => {
          const source = await session.fromArrow(table).persist();
          return inTurns(runs, raw, async () => {
            const start = performance.now();
            const kept = await apply(source).persist();
            const took = performance.now() - start;
            const wrong = differ(expected, await checkKept(kept)) ?? (await verify(kept));
            if (wrong !== null) failures.push(`${question}: wrong answer: ${wrong}`);
            await kept.release();
            return took;
          });
        });
        const rate = (wireBytes / median(ms)) * 1_000;
        const rawRate = median(rates);
        const extra = { wireBytes, mbPerSecond: rate / 1e6, rawGrpcMbPerSecond: rawRate / 1e6 };
        results.push({ ...head(question), ms, medianMs: median(ms), check: expected, extra });
        targets.push({
          name: `${question}: wire rate ÷ raw grpc-js`,
          value: rate / rawRate,
          limit: shareOfRaw[route],
          atLeast: true,
        });
      } catch (error) {
        failures.push(`${question}: ${error}`);
        results.push({ ...head(question), ms: [], medianMs: null, check: expected, error: String(error) });
      }
    }
  } finally {
    raw.close();
  }
  return { bench: name, rows, threads: workers, runs, seed: options.seed, results, targets, failures };
}

/** Times of `exchanged`, and the rate of bare grpc-js before each. */
async function inTurns(runs: number, raw: RawGrpc, exchanged: () => Promise<number>) {
  const ms: number[] = [];
  const rates: number[] = [];
  for (let run = 0; run < runs; run++) {
    rates.push(await raw.pull());
    await sleep(restMs);
    ms.push(await exchanged());
    await sleep(restMs);
  }
  return { ms, rates };
}

function head(question: string): { system: string; version: string; question: string } {
  return { system: 'volley', version: volleyVersion, question };
}

/** A cluster whose processes were told at their start how data travels. */
async function withRoute<T>(
  route: Route,
  work: (session: Awaited<ReturnType<LocalCluster['connect']>>) => Promise<T>,
): Promise<T> {
  const before = process.env.VOLLEY_BULK;
  if (route === 'gRPC') process.env.VOLLEY_BULK = 'grpc';
  try {
    await using cluster = await LocalCluster.start({ workers, threadsPerWorker: 1 });
    return await work(await cluster.connect());
  } finally {
    if (before === undefined) delete process.env.VOLLEY_BULK;
    else process.env.VOLLEY_BULK = before;
  }
}

/** Count and sums by a query over what lies on the workers. */
export async function checkKept(kept: DataFrame, names = ['k', 'a', 'b', 'c']): Promise<Check> {
  const sums = names.map(name => col(name).sum());
  const [row] = await kept.select(...sums, len().alias('rows')).toRecords();
  const { rows, ...rest } = (row ?? { rows: 0 }) as Record<string, number>;
  return { rows: rows!, sums: rest };
}

async function isSorted(kept: DataFrame): Promise<string | null> {
  const keys = await kept.select('k').collect();
  let last = Number.NEGATIVE_INFINITY;
  for (const { values, length } of keys.getChild('k')!.data) {
    for (let i = 0; i < length; i++) {
      const key = (values as Int32Array)[i]!;
      if (key < last) return `${key} follows ${last}`;
      last = key;
    }
  }
  return null;
}
