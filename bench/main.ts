import { parseArgs } from 'node:util';
import { measureHere } from './bandwidth.js';
import { churn } from './churn.js';
import { convert } from './convert.js';
import { groupby, join } from './db-benchmark.js';
import { shuffle, sort } from './exchange.js';
import { iterate } from './iterate.js';
import { latency } from './latency.js';
import { memory } from './memory.js';
import { type ProbeName, runProbe } from './probes.js';
import { profile } from './profile.js';
import { pullRawGrpc, serveRawBulk, serveRawGrpc } from './raw-rates.js';
import type { Bench, BenchOptions } from './report.js';
import { printReport, succeeded } from './report.js';
import { scan } from './scan.js';
import { runSystem } from './systems/load.js';
import { systemNames } from './systems/process.js';

const benches: Readonly<Record<string, Bench>> = {
  groupby,
  join,
  scan,
  latency,
  shuffle,
  sort,
  memory,
  churn,
  convert,
  iterate,
  profile,
};

const usage = `npm run --silent bench -- NAME [--rows N] [--threads N] [--peers a,b] [--runs N] [--seed S] [--json]
NAME: ${Object.keys(benches).join(', ')}
groupby, join: [--na 5] nulls in percent · [--sorted] · [--cluster] worker processes of one thread · [--questions q1,q5]
               [--load arrow|parquet] where Volley's tables come from · peers: ${systemNames.slice(1).join(', ')}
scan: [--na 5] · [--questions s1,c1,f1] · peers: duckdb, polars, polars-py; hyparquet, parquet-wasm for scale`;

/** A whole number as 1e7 or 10000000. */
function count(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new Error(`--${name} takes a whole number, not ${text}`);
  return value;
}

function list(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : text.split(',');
}

function parse(args: readonly string[]): { name: string; options: BenchOptions; json: boolean } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      threads: { type: 'string', default: '2' },
      peers: { type: 'string', default: 'duckdb,polars' },
      runs: { type: 'string' },
      seed: { type: 'string', default: '1' },
      na: { type: 'string', default: '0' },
      sorted: { type: 'boolean', default: false },
      cluster: { type: 'boolean', default: false },
      load: { type: 'string', default: 'arrow' },
      questions: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const peers = list(values.peers);
  const unknown = peers.filter(peer => peer === 'volley' || !systemNames.includes(peer));
  if (unknown.length > 0)
    throw new Error(`unknown peer ${unknown[0]}: choose from ${systemNames.slice(1).join(', ')}`);
  if (values.load !== 'arrow' && values.load !== 'parquet') throw new Error('--load takes arrow or parquet');
  const options: BenchOptions = {
    rows: count('rows', values.rows),
    threads: count('threads', values.threads) || 2,
    runs: count('runs', values.runs),
    seed: count('seed', values.seed) ?? 1,
    peers,
    na: count('na', values.na) ?? 0,
    sorted: values.sorted,
    cluster: values.cluster,
    load: values.load,
    questions: list(values.questions),
  };
  return { name: positionals[0] ?? '', options, json: values.json };
}

async function main(args: readonly string[]): Promise<void> {
  // The runner starts this file again for each system.
  if (args[0] === 'system') return runSystem(args[1]!, JSON.parse(args[2]!));
  if (args[0] === 'probe') return runProbe(args[1] as ProbeName, JSON.parse(args[2]!));
  if (args[0] === 'bandwidth') return measureHere();
  if (args[0] === 'raw-grpc') return serveRawGrpc();
  if (args[0] === 'raw-grpc-client') return pullRawGrpc(args[1]!);
  if (args[0] === 'raw-bulk') return serveRawBulk();
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  const bench = benches[parsed.name];
  if (bench === undefined) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const report = await bench(parsed.options);
  printReport(report, parsed.json);
  if (!succeeded(report)) process.exitCode = 1;
}

await main(process.argv.slice(2));
