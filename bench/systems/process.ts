import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../core/base/version.js';
import type { Reply, SystemJob } from './protocol.js';

/** The virtual environment that `npm run bench:peers` makes. */
export const python = join(homedir(), '.cache', 'volley', 'peers-venv', 'bin', 'python');
const peersFolder = join(packageRoot, 'bench', 'peers');
const pythonScripts: Readonly<Record<string, string>> = {
  'polars-py': 'run_polars.py',
  dask: 'run_dask.py',
  pandas: 'run_pandas.py',
  pyspark: 'run_pyspark.py',
};
/** A question that takes longer is an error of its system, not a hang of the run. */
const questionMs = 600_000;
/** A process rests when in so long it ran no longer than that. Milliseconds. */
const restMs = 20;
const restingMs = 0.5;
/** Nobody waits longer for it. Milliseconds. */
const longestRestMs = 2_000;

/** Readers without an engine, by the folder whose presence means that they are installed. */
const readers: Readonly<Record<string, string>> = {
  hyparquet: join(packageRoot, 'node_modules', 'hyparquet'),
  'parquet-wasm': join(peersFolder, 'node_modules', 'parquet-wasm'),
};

export const systemNames: readonly string[] = [
  'volley',
  'duckdb',
  'polars',
  ...Object.keys(pythonScripts),
  ...Object.keys(readers),
];

/** The process of one system. It answers one question at a time. */
export class SystemProcess {
  readonly name: string;
  private readonly child: ChildProcess;
  private readonly replies: AsyncIterator<string>;
  private said = '';

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    this.replies = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    child.stderr!.on('data', chunk => {
      this.said = (this.said + chunk).slice(-4_000);
    });
  }

  /** Null when the system is not installed. */
  static start(name: string, job: SystemJob): SystemProcess | null {
    const command = commandOf(name, JSON.stringify(job));
    if (command === null) return null;
    const threads = String(job.threads);
    const child = spawn(command[0]!, command.slice(1), {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        POLARS_MAX_THREADS: threads,
        OMP_NUM_THREADS: threads,
        OPENBLAS_NUM_THREADS: threads,
      },
    });
    child.on('error', () => {});
    child.stdin!.on('error', () => {});
    return new SystemProcess(name, child);
  }

  /** The ready message; afterwards questions may be asked. */
  ready(): Promise<Reply> {
    return this.next();
  }

  ask(question: string): Promise<Reply> {
    this.child.stdin!.write(`${question}\n`);
    return this.next();
  }

  /**
   * Resolves when the process does no more. What it does after an answer, collecting garbage and freeing results, shall not be in the
   * time of whoever is asked next.
   */
  async rest(): Promise<void> {
    const deadline = performance.now() + longestRestMs;
    for (let before = Number.NaN; performance.now() < deadline; ) {
      await sleep(restMs);
      const used = processorMs(this.child.pid!);
      if (used === null || used - before < restingMs) return;
      before = used;
    }
  }

  async end(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise(resolve => child.once('exit', resolve));
    child.stdin!.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(timer);
  }

  /** The next line that is a reply: libraries print too. */
  private async next(): Promise<Reply> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.child.kill('SIGKILL');
    }, questionMs);
    try {
      for (;;) {
        const { value, done } = await this.replies.next();
        if (done === true) {
          const why = late
            ? `no answer within ${questionMs / 1000} s`
            : `its process ended: ${this.said.trim()}`;
          return { kind: 'error', message: why };
        }
        if (value.startsWith('{"kind"')) return JSON.parse(value) as Reply;
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

function commandOf(name: string, job: string): string[] | null {
  if (name === 'volley' || name === 'duckdb')
    return [process.execPath, join(packageRoot, 'dist', 'bench', 'main.js'), 'system', name, job];
  if (name === 'polars') {
    if (!existsSync(join(peersFolder, 'node_modules', 'nodejs-polars'))) return null;
    return [process.execPath, join(peersFolder, 'polars.mjs'), job];
  }
  const reader = readers[name];
  if (reader !== undefined)
    return existsSync(reader) ? [process.execPath, join(peersFolder, 'scale.mjs'), name, job] : null;
  const script = pythonScripts[name];
  return script === undefined || !existsSync(python) ? null : [python, join(peersFolder, script), job];
}

/** Processor time of all its threads that run, milliseconds; null where the system does not say. */
function processorMs(pid: number): number | null {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, id) => sum + ranNs(`/proc/${pid}/task/${id}/schedstat`) / 1e6, 0);
  } catch {
    return null;
  }
}

function ranNs(file: string): number {
  try {
    return Number.parseInt(readFileSync(file, 'latin1'), 10);
  } catch {
    return 0; // It has ended meanwhile.
  }
}
