import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type FaultEvent, LocalCluster, type Session } from '../index.js';
import type { Answer, Row } from './flights-queries.js';
import { answerHash, flightsAnswer } from './flights-queries.js';

const usage = `npm run demo -- [--cluster] [--kill] [--corrupt] [--nats URL]
  (no flags)   embedded: in this process, nothing to install or start
  --cluster    a head and three worker processes over gRPC, compared with the embedded answer
  --kill       with --cluster: SIGKILL one worker when half of the tasks are done
  --corrupt    flip one value of the cluster's answer: must be noticed (exit code 1)
  --nats URL   fault events and retry tickets through a real NATS server`;

const { values: flags } = parseArgs({
  options: {
    cluster: { type: 'boolean', default: false },
    kill: { type: 'boolean', default: false },
    corrupt: { type: 'boolean', default: false },
    nats: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

/** One run of the job and what was seen of it. */
interface Run {
  readonly answer: Answer;
  readonly ms: number;
  /** Tasks finished, by the head's count. */
  readonly tasks: number;
}

const folder = mkdtempSync(join(tmpdir(), 'volley-demo-'));

if (flags.help) {
  console.log(usage);
} else {
  const embedded = await runEmbedded();
  printAnswer(embedded.answer);
  console.log(
    `\nembedded: ${(embedded.ms / 1000).toFixed(2)} s, ${embedded.tasks} tasks, written to ${folder}`,
  );
  if (flags.cluster || flags.kill || flags.corrupt || flags.nats !== undefined)
    await compareWithCluster(embedded);
}

async function runEmbedded(): Promise<Run> {
  await using session = await connect({});
  return await run(session, join(folder, 'embedded.parquet'));
}

async function run(session: Session, parquetPath: string): Promise<Run> {
  const start = performance.now();
  const before = await finishedTasks(session);
  const answer = await flightsAnswer(session, parquetPath);
  return { answer, ms: performance.now() - start, tasks: (await finishedTasks(session)) - before };
}

async function compareWithCluster(embedded: Run): Promise<void> {
  await using cluster = await LocalCluster.start({ workers: 3, threadsPerWorker: 1, nats: flags.nats });
  const session = await cluster.connect();
  console.log(`\ncluster: head at ${cluster.address}, workers ${cluster.workers.map(w => w.pid).join(', ')}`);
  const faults: FaultEvent[] = [];
  session.onFault(event => faults.push(event));
  const killed = flags.kill ? killAtHalf(cluster, session, embedded.tasks) : null;
  const clustered = await run(session, join(folder, 'cluster.parquet'));
  if (flags.corrupt) corrupt(clustered.answer);
  console.log(`cluster: ${(clustered.ms / 1000).toFixed(2)} s, ${clustered.tasks} tasks`);
  let recomputed = 0;
  if (killed !== null) {
    const dead = await killed;
    recomputed = (await session.status()).counters['tasks-recomputed'] ?? 0;
    console.log(`killed: worker process ${dead}`);
    for (const event of faults) console.log(`event: ${event.kind} ${event.detail}`);
    console.log(`recomputed tasks: ${recomputed}`);
  }
  const hashes = [answerHash(embedded.answer), answerHash(clustered.answer)];
  const identical = hashes[0] === hashes[1];
  console.log(`answer embedded: ${hashes[0]}\nanswer cluster:  ${hashes[1]}\nidentical: ${identical}`);
  if (!identical || (killed !== null && recomputed < 1)) process.exitCode = 1;
}

/** Resolves with the pid of the worker that was killed. It is one that holds results, so something is truly lost. */
async function killAtHalf(cluster: LocalCluster, session: Session, tasks: number): Promise<number> {
  const before = await finishedTasks(session);
  for (;;) {
    const status = await session.status();
    if ((status.counters['tasks-finished'] ?? 0) - before >= tasks / 2) {
      const [fullest] = [...status.workers].sort((a, b) => b.storedBytes - a.storedBytes);
      const victim = cluster.workers.find(w => w.id === fullest?.worker) ?? cluster.workers[0]!;
      const { pid } = victim;
      victim.kill('SIGKILL');
      return pid;
    }
  }
}

async function finishedTasks(session: Session): Promise<number> {
  return (await session.status()).counters['tasks-finished'] ?? 0;
}

function corrupt(answer: Answer): void {
  const row = answer.byStateAndMonth[0]!;
  row.mean_delay =
    (row.mean_delay as number) + Number.EPSILON * Math.abs((row.mean_delay as number) || 1) * 2;
}

function printAnswer(answer: Answer): void {
  printTable('Delays by state and month (first 12)', answer.byStateAndMonth.slice(0, 12));
  printTable('Worst routes with at least 1,000 flights', answer.worstRoutes);
  printTable('Flights more than 30 minutes late, by hour', answer.lateByHour);
}

function printTable(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  const names = Object.keys(rows[0] ?? {});
  const cells = [names, ...rows.map(row => names.map(name => formatCell(row[name])))];
  const widths = names.map((_, i) => Math.max(...cells.map(line => line[i]!.length)));
  for (const line of cells) console.log(line.map((cell, i) => cell.padStart(widths[i]!)).join('  '));
}

function formatCell(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : value.toFixed(3);
  return String(value);
}
