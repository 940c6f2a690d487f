import { join } from 'node:path';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { packageRoot } from '../core/base/version.js';

/** Bytes per second. A copy counts what it reads and what it writes. */
export interface Bandwidth {
  readonly threads: number;
  readonly read: number;
  readonly copy: number;
}

interface Setup {
  readonly threads: number;
  /** One counter per window, read and copy in turn: a window starts when every thread has come to it. */
  readonly gates: SharedArrayBuffer;
}

/** Far larger than any cache of one machine: half of it is read, or copied to the other half. */
const bytesPerThread = 512 * 2 ** 20;
const windows = 6;
const windowMs = 150;
const main = join(packageRoot, 'dist', 'bench', 'main.js');

/** What plain loops get out of this machine's memory, all threads at once: the best of several windows. */
export async function memoryBandwidth(threads: number): Promise<Bandwidth> {
  const setup: Setup = { threads, gates: new SharedArrayBuffer(8 * windows) };
  const rates = await Promise.all(Array.from({ length: threads }, () => ratesOfThread(setup)));
  const together = Array.from({ length: 2 * windows }, (_, w) =>
    rates.reduce((sum, rate) => sum + rate[w]!, 0),
  );
  const best = (kind: number) => Math.max(...together.filter((_, w) => w % 2 === kind));
  return { threads, read: best(0), copy: best(1) };
}

function ratesOfThread(setup: Setup): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(main, { argv: ['bandwidth'], workerData: setup });
    thread.once('message', resolve);
    thread.once('error', reject);
  });
}

/** In a thread of `main.js bandwidth`: sends the rate of each window. */
export async function measureHere(): Promise<void> {
  const { threads, gates } = workerData as Setup;
  const gate = new Int32Array(gates);
  const all = new Float64Array(bytesPerThread / 8).fill(1);
  const half = all.length / 2;
  const [from, to] = [all.subarray(0, half), all.subarray(half)];
  const rates: number[] = [];
  for (let w = 0; w < 2 * windows; w++) {
    Atomics.add(gate, w, 1);
    while (Atomics.load(gate, w) < threads) Atomics.wait(gate, w, Atomics.load(gate, w), 1);
    const start = performance.now();
    let passes = 0;
    let sum = 0;
    do {
      if (w % 2 === 0) sum += readAll(from);
      else to.set(from);
      passes++;
    } while (performance.now() - start < windowMs);
    const seconds = (performance.now() - start) / 1000;
    if (w % 2 === 0 && sum !== passes * half) throw new Error('a read saw something else than it wrote');
    rates.push((passes * from.byteLength * (w % 2 === 0 ? 1 : 2)) / seconds);
  }
  parentPort!.postMessage(rates);
}

/** Eight sums, so that no addition waits for the one before it. */
function readAll(values: Float64Array): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  let [e, f, g, h] = [0, 0, 0, 0];
  for (let i = 0; i < values.length; i += 8) {
    a += values[i]!;
    b += values[i + 1]!;
    c += values[i + 2]!;
    d += values[i + 3]!;
    e += values[i + 4]!;
    f += values[i + 5]!;
    g += values[i + 6]!;
    h += values[i + 7]!;
  }
  return a + b + c + d + e + f + g + h;
}
