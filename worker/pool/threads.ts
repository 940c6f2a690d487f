import { Piscina } from 'piscina';
import { entryFile } from '../../core/base/entries.js';
import { allocateNodeMemory, type NodeMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import { LaneWords } from './lane-words.js';
import type { FromThread, ThreadSetup } from './protocol.js';

export interface ThreadsOptions {
  readonly threads: number;
  readonly memoryBytes: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly allowPaths: readonly string[] | null;
  /** For how long nobody has had anything to do when they rehearse; default limits.rehearsalApartIdleMs. Milliseconds. */
  readonly idleMs?: number;
}

/** The threads of an engine. What they say is kept until somebody listens. */
export class Threads {
  readonly count: number;
  readonly words: LaneWords;
  readonly heapMb: number;
  /** For slabs, and for what the threads work in; null where the system gave none. */
  readonly memory: NodeMemory | null;
  readonly piscina: Piscina;
  private early: FromThread[] | null = [];
  private others: NodeJS.Timeout | null = null;

  /** Starts the first. Nothing of an engine takes longer: it comes first, and the rest is loaded while it loads. */
  constructor({ threads, memoryBytes, name, labels, allowPaths, idleMs }: ThreadsOptions) {
    this.count = threads;
    this.words = new LaneWords(threads);
    this.heapMb = heapLimitMb(memoryBytes, threads);
    const budget = memoryBytes / threads;
    const scratchBytes = Math.min(limits.scratchBytes, limits.scratchShare * budget);
    this.memory = allocateNodeMemory(memoryBytes, threads, scratchBytes);
    const setup: ThreadSetup = {
      words: this.words.buffer,
      node: name,
      labels,
      allowPaths,
      memory: this.memory,
      keptBytes: Math.min(limits.keptBytes, limits.keptShare * budget),
      idleMs: idleMs ?? limits.rehearsalApartIdleMs,
    };
    this.piscina = new Piscina({
      filename: entryFile('pool-thread'),
      name: 'runBatch',
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Messages alone wake a thread: a word it also waits for is a second wake-up for every batch.
      atomics: 'disabled',
      recordTiming: false,
      workerData: setup,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.heapMb },
    });
    this.piscina.on('message', (message: FromThread) => this.early?.push(message));
  }

  listen(onMessage: (message: FromThread) => void): void {
    const { early } = this;
    this.early = null;
    this.piscina.on('message', onMessage);
    for (const message of early ?? []) onMessage(message);
  }

  /**
   * A while after the first has loaded, or when there is work for more than one: whoever opened the session waits for its
   * first answer, which the others would only slow down.
   */
  startOthers(): void {
    if (this.count === 1) return;
    this.others = setTimeout(() => {
      // Piscina starts a thread for what no other is free to run.
      for (let i = 0; i < this.count; i++) this.piscina.run(null).catch(() => {});
    }, limits.otherThreadsMs);
    this.others.unref();
  }

  async end(): Promise<void> {
    if (this.others !== null) clearTimeout(this.others);
    await this.piscina.destroy();
  }
}

/** Slabs are outside of V8's heap: this bounds what a task's own objects may take. */
export function heapLimitMb(memoryBytes: number, threads: number): number {
  const share = Math.floor(memoryBytes / threads / (1024 * 1024));
  return Math.min(limits.threadHeapMaxMb, Math.max(limits.threadHeapMinMb, share));
}
