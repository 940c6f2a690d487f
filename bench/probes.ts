import { monitorEventLoopDelay } from 'node:perf_hooks';
import { seededRng } from '../core/base/rng.js';
import { col, connect, type DataFrame, type Session } from '../index.js';
import { toArrow } from './data/arrow.js';
import { makeTables } from './data/tables.js';
import { groupbyQuestions } from './questions/groupby.js';
import { checkArrow } from './systems/check-arrow.js';
import type { Check } from './systems/protocol.js';

/** Measurements that need a fresh process each: `main.js probe NAME JOB`. */
export type ProbeName = 'cold' | 'warm' | 'event-loop';

export interface ProbeJob {
  readonly rows: number;
  readonly seed: number;
  readonly threads: number;
}

export interface Probe {
  readonly ms: readonly number[];
  readonly check: Check;
  /** From connect() to the first result. */
  readonly connectMs?: number;
  /** The longest time the caller's event loop stood still. */
  readonly delayMs?: number;
  readonly errors?: readonly string[];
}

const smallRows = 1_000;
const warmUps = 100;
const measured = 200;
/** The histogram samples at this interval, which is part of what it records. */
const resolutionMs = 1;

export async function runProbe(name: ProbeName, job: ProbeJob): Promise<void> {
  const probes = { cold, warm, 'event-loop': eventLoop };
  const probe = await probes[name](job);
  // Not console.log and an end by itself: a session may hold the process a moment longer.
  process.stdout.write(`${JSON.stringify(probe)}\n`);
}

function smallFrame(session: Session, seed: number): DataFrame {
  const random = seededRng(seed);
  const records = Array.from({ length: smallRows }, () => ({
    origin: `a${Math.floor(random() * 20)}`,
    delay: Math.floor(random() * 100) - 20,
  }));
  return session.fromRecords(records);
}

async function smallQuery(frame: DataFrame): Promise<Check> {
  const records = await frame
    .filter(col('delay').gt(30))
    .groupBy('origin')
    .agg(col('delay').sum(), col('delay').count().alias('flights'))
    .toRecords();
  let delay = 0;
  let flights = 0;
  for (const record of records) {
    delay += record.delay as number;
    flights += record.flights as number;
  }
  return { rows: records.length, sums: { delay, flights } };
}

/** The first query of a process. */
async function cold({ seed, threads }: ProbeJob): Promise<Probe> {
  const connecting = performance.now();
  await using session = await connect({ threads });
  const frame = smallFrame(session, seed);
  const start = performance.now();
  const check = await smallQuery(frame);
  const end = performance.now();
  return { ms: [end - start], check, connectMs: end - connecting };
}

async function warm({ seed, threads }: ProbeJob): Promise<Probe> {
  await using session = await connect({ threads });
  const frame = smallFrame(session, seed);
  for (let i = 0; i < warmUps; i++) await smallQuery(frame);
  const ms: number[] = [];
  let check: Check = { rows: 0, sums: {} };
  for (let i = 0; i < measured; i++) {
    const start = performance.now();
    check = await smallQuery(frame);
    ms.push(performance.now() - start);
  }
  return { ms, check };
}

/** The caller does nothing but wait for the group-bys, embedded; its event loop must stay free for its other work. */
async function eventLoop({ rows, seed, threads }: ProbeJob): Promise<Probe> {
  await using session = await connect({ threads });
  const [made] = makeTables('groupby', { rows, seed, na: 0, sorted: false });
  const x = await session.fromArrow(toArrow(made!)).persist();
  const ms: number[] = [];
  let check: Check = { rows: 0, sums: {} };
  let delayMs = 0;
  const errors: string[] = [];
  for (const { id, volley } of groupbyQuestions) {
    const delay = monitorEventLoopDelay({ resolution: resolutionMs });
    try {
      delay.enable();
      const start = performance.now();
      const table = await volley({ x }).collect();
      ms.push(performance.now() - start);
      delay.disable();
      delayMs = Math.max(delayMs, delay.max / 1e6 - resolutionMs);
      check = checkArrow(table);
    } catch (error) {
      errors.push(`${id}: ${error}`);
    }
  }
  return { ms, check, delayMs, errors };
}
