import { parseArgs } from 'node:util';
import { churn } from './churn.js';
import type { Bench, BenchOptions, BenchReport } from './report.js';
import { printReport } from './report.js';

const benches: Readonly<Record<string, Bench>> = { churn };

const usage = `npm run --silent bench -- NAME [--rows N] [--threads N] [--runs N] [--seed S] [--json]
NAME: ${Object.keys(benches).join(', ')}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string' },
    threads: { type: 'string', default: '2' },
    runs: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});

const name = positionals[0] ?? '';
const bench = benches[name];
if (bench === undefined) {
  console.error(usage);
  process.exitCode = 2;
} else {
  const options: BenchOptions = {
    rows: values.rows === undefined ? null : Number(values.rows),
    threads: Number(values.threads),
    runs: Number(values.runs),
    seed: Number(values.seed),
  };
  const report: BenchReport = await bench(options);
  printReport(report, values.json);
  if (!report.withinTarget) process.exitCode = 1;
}
