import { volleyVersion } from '../core/base/version.js';
import { connect, type DataRef, delayed, type Session } from '../index.js';
import { type BenchOptions, type BenchReport, median } from './report.js';

const allRows = 3_829_000;
const features = 16;
const iterations = 100;
const partitions = 16;
const rate = 0.5;
const limitMs = 8_000;

interface Part {
  /** Row after row. */
  readonly x: Float32Array;
  /** −1 or 1. */
  readonly y: Float32Array;
}

type Four = readonly [number, number, number, number];
type Sixteen = readonly [...Four, ...Four, ...Four, ...Four];

/** Points around a hidden plane, with noise. Runs in a worker thread: what it needs comes as arguments. */
function makePart(seed: number, number: number, rows: number, width: number): Part {
  let state = (Math.imul(seed, 2_654_435_761) + number * 7_919) | 0;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const x = new Float32Array(rows * width);
  const y = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    let side = 0;
    for (let k = 0; k < width; k++) {
      const value = 2 * random() - 1;
      x[i * width + k] = value;
      side += value * (k % 2 === 0 ? 1 : -0.5);
    }
    y[i] = side + random() - 0.5 > 0 ? 1 : -1;
  }
  return { x, y };
}

/**
 * The sum of the log-loss's gradients over a partition of 16 features, written out: V8 keeps no array element in a register,
 * and a loop over 16 takes more than twice as long. A block of rows goes through three loops, because one would have more
 * numbers at a time than the processor has registers (30 instead of 42 ns a row). V8 calls a function for Math.exp, which takes as long
 * as half of the rest (31 instead of 27 ns).
 */
function gradient({ x, y }: Part, weights: Float64Array): Float64Array {
  const blockRows = 128;
  const [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15] =
    weights as unknown as Sixteen;
  const powers = new Float64Array(131).map((_, k) => 2 ** (k - 65));
  // e^z to 5e-16 of Math.exp: 2^k · e^r with |r| ≤ ln 2 / 2, by Taylor's polynomial. Beyond 45 it is nothing beside 1, or all there is.
  const exp = (exponent: number) => {
    const z = Math.max(-45, Math.min(45, exponent));
    const k = Math.floor(z * Math.LOG2E + 0.5);
    const r = z - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
    const r2 = r * r;
    const r4 = r2 * r2;
    const low = 1 / 24 + r * (1 / 120) + r2 * (1 / 720 + r * (1 / 5_040));
    const middle = 1 / 40_320 + r * (1 / 362_880) + r2 * (1 / 3_628_800 + r * (1 / 39_916_800));
    const high = 1 / 479_001_600 + r * (1 / 6_227_020_800);
    return (1 + r + r2 * (1 / 2 + r * (1 / 6)) + r4 * (low + r4 * (middle + r4 * high))) * powers[k + 65]!;
  };
  const scales = new Float64Array(blockRows);
  const sums = new Float64Array(16);
  for (let begin = 0; begin < y.length; begin += blockRows) {
    const rows = Math.min(blockRows, y.length - begin);
    for (let i = 0, at = begin * 16; i < rows; i++, at += 16) {
      const dot =
        w0 * x[at + 0]! +
        w1 * x[at + 1]! +
        w2 * x[at + 2]! +
        w3 * x[at + 3]! +
        (w4 * x[at + 4]! + w5 * x[at + 5]! + w6 * x[at + 6]! + w7 * x[at + 7]!) +
        (w8 * x[at + 8]! + w9 * x[at + 9]! + w10 * x[at + 10]! + w11 * x[at + 11]!) +
        (w12 * x[at + 12]! + w13 * x[at + 13]! + w14 * x[at + 14]! + w15 * x[at + 15]!);
      scales[i] = y[begin + i]! * dot;
    }
    for (let i = 0; i < rows; i++) scales[i] = (1 / (1 + exp(-scales[i]!)) - 1) * y[begin + i]!;
    for (let first = 0; first < 16; first += 8) {
      let s0 = sums[first + 0]!,
        s1 = sums[first + 1]!,
        s2 = sums[first + 2]!,
        s3 = sums[first + 3]!,
        s4 = sums[first + 4]!,
        s5 = sums[first + 5]!,
        s6 = sums[first + 6]!,
        s7 = sums[first + 7]!;
      for (let i = 0, at = begin * 16 + first; i < rows; i++, at += 16) {
        const scale = scales[i]!;
        s0 += scale * x[at + 0]!;
        s1 += scale * x[at + 1]!;
        s2 += scale * x[at + 2]!;
        s3 += scale * x[at + 3]!;
        s4 += scale * x[at + 4]!;
        s5 += scale * x[at + 5]!;
        s6 += scale * x[at + 6]!;
        s7 += scale * x[at + 7]!;
      }
      sums.set([s0, s1, s2, s3, s4, s5, s6, s7], first);
    }
  }
  return sums;
}

/** Adds the partitions' gradients in their order, so that the weights do not depend on who was faster. */
function descend(weights: Float64Array, gradients: readonly Float64Array[], rows: number): Float64Array {
  const next = weights.slice();
  for (const part of gradients) {
    for (let k = 0; k < next.length; k++) next[k]! -= (rate * part[k]!) / rows;
  }
  return next;
}

/**
 * Logistic regression by gradient descent: partitions stay on the workers, weights travel with every task, 100 rounds
 * that wait for each other. Target: 3.829M × 16 floats in at most 8 s on 2 threads.
 */
export async function iterate(options: BenchOptions): Promise<BenchReport> {
  const partRows = Math.max(1, Math.round((options.rows ?? allRows) / partitions));
  const rows = partRows * partitions;
  const runs = options.runs ?? 1;
  const ms: number[] = [];
  let weights = new Float64Array(features);
  await using session = await connect({ threads: options.threads });
  const parts = await makeParts(session, options.seed, partRows);
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    weights = await train(session, parts, rows);
    ms.push(performance.now() - start);
  }
  for (const part of parts) await part.release();
  const reference = trainAlone(options.seed, partRows, rows);
  const worst = Math.max(...weights.map((value, k) => Math.abs(value / reference.weights[k]! - 1)));
  const result = (system: string, times: readonly number[], of: Float64Array) => ({
    system,
    version: volleyVersion,
    question: `${iterations} iterations`,
    ms: times,
    medianMs: median(times),
    check: { rows, sums: Object.fromEntries([...of].map((value, k) => [`w${k}`, value])) },
  });
  return {
    bench: 'iterate',
    rows,
    threads: options.threads,
    runs,
    seed: options.seed,
    results: [
      result('volley', ms, weights),
      result('one thread, plain loop', [reference.ms], reference.weights),
    ],
    targets: [{ name: 'wall, ms', value: median(ms), limit: limitMs }],
    failures: worst <= 1e-9 ? [] : [`weights differ from the reference by ${worst} relative`],
  };
}

async function makeParts(session: Session, seed: number, rows: number): Promise<DataRef<Part>[]> {
  const make = delayed(makePart);
  return Promise.all(
    Array.from({ length: partitions }, (_, number) => session.persist(make(seed, number, rows, features))),
  );
}

async function train(
  session: Session,
  parts: readonly DataRef<Part>[],
  rows: number,
): Promise<Float64Array<ArrayBuffer>> {
  let weights = new Float64Array(features);
  for (let i = 0; i < iterations; i++) {
    const gradients = await session.gather(parts.map(part => session.submit(gradient, part, weights)));
    weights = new Float64Array(descend(weights, gradients as Float64Array[], rows));
  }
  return weights;
}

function trainAlone(seed: number, partRows: number, rows: number): { weights: Float64Array; ms: number } {
  const parts = Array.from({ length: partitions }, (_, number) => makePart(seed, number, partRows, features));
  const start = performance.now();
  let weights: Float64Array = new Float64Array(features);
  for (let i = 0; i < iterations; i++) {
    weights = descend(
      weights,
      parts.map(part => gradient(part, weights)),
      rows,
    );
  }
  return { weights, ms: performance.now() - start };
}
