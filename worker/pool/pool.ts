import { EventEmitter, once } from 'node:events';
import type { Worker as Thread } from 'node:worker_threads';
import type { Piscina } from 'piscina';
import { collectGarbage } from '../../core/base/collect-garbage.js';
import { VolleyError } from '../../core/base/errors.js';
import type { JobId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import type { TemplateSpec } from '../../core/graph/layer.js';
import type { Event } from '../state/api.js';
import type { Slab } from '../store/slabs.js';
import type { Store } from '../store/store.js';
import { KnownThreads } from './known-threads.js';
import { Answer, type LaneWords } from './lane-words.js';
import type { Ask, FromThread, Room, Template, ThreadBatch, ThreadReply, ThreadResults } from './protocol.js';
import { laneResults } from './results.js';
import { Starts } from './starts.js';
import { publishEnded } from './tasks-ended.js';
import type { Threads } from './threads.js';

export interface PoolOptions {
  readonly threads: Threads;
  readonly store: Store;
  readonly log: Log;
  /** Null when its job is gone. */
  template(job: number, template: number): TemplateSpec | null;
  emit(event: Event): void;
  /** Threads die faster than they start: the engine is of no use any more. */
  onBroken(reason: string): void;
}

/** What the engine knows of a busy lane. */
interface BusyLane {
  readonly name: string;
  readonly batch: number;
  readonly job: number;
  readonly template: number;
  /** 'abort' ends the thread. Costs a tenth of what an AbortSignal does. */
  readonly signal: EventEmitter;
  /** Memory its tasks asked for and have not published yet, by position. */
  readonly slabs: Map<number, Slab[]>;
  readonly release: () => void;
  streamed: number;
  reply: ThreadReply | null;
  killing: boolean;
  /** Its thread is being terminated: the lane is over when that has exited. */
  ending: boolean;
  grace: NodeJS.Timeout | null;
}

/** The engine's side of the thread pool: lanes onto piscina's threads, memory and templates for them, kills. */
export class ThreadPool {
  private readonly options: PoolOptions;
  private readonly words: LaneWords;
  private readonly piscina: Piscina;
  private readonly starts: Starts;
  private readonly lanes: (BusyLane | null)[];
  private readonly known: KnownThreads;
  private closing = false;

  /** Batches that came before the first thread had loaded; null once it has. */
  private early: (() => void)[] | null = [];
  private resolveLoaded: () => void = () => {};
  private readonly whenLoaded = new Promise<void>(resolve => {
    this.resolveLoaded = resolve;
  });

  /** Settles when a thread has loaded what tasks need, or the pool is closed. */
  get loaded(): Promise<void> {
    return this.whenLoaded;
  }

  constructor(options: PoolOptions) {
    this.options = options;
    const { threads } = options;
    this.words = threads.words;
    this.starts = new Starts(this.words);
    this.piscina = threads.piscina;
    this.known = new KnownThreads(options.store.memory.slabs);
    this.lanes = new Array<BusyLane | null>(threads.count).fill(null);
    options.store.memory.busy = () => this.lanes.filter(lane => lane !== null).length;
    threads.listen(message => this.onMessage(message));
    this.piscina.on('error', (error: Error) => {
      options.log.warn('a pool thread failed outside of a task', { error: error.message });
      this.begin(); // What waits for a thread to load shall fail, too.
    });
  }

  /**
   * Starts a batch. `resultBytes`: about what each of its tasks, or the first of them, will ask for, if that is known; it is given along where there
   * is room. `release` is called when its inputs are no longer read.
   */
  run(message: ThreadBatch, resultBytes: readonly number[] | null, release: () => void): void {
    const lane: BusyLane = {
      name: message.name,
      batch: message.batch,
      job: message.job,
      template: message.template,
      signal: new EventEmitter(),
      slabs: new Map(),
      release,
      streamed: 0,
      reply: null,
      killing: false,
      ending: false,
      grace: null,
    };
    this.lanes[message.lane] = lane;
    this.words.open(message.lane, message.indices.length);
    const definition = this.definitionOf(message);
    const rooms = resultBytes === null ? null : this.rooms(lane, resultBytes);
    const start = () => this.start({ ...message, definition, rooms }, lane);
    if (this.early === null) this.starts.add(start);
    else this.early.push(start);
  }

  /** To ask costs a thread as long as the engine's main thread takes to wake up, and itself. What is not used is given back with the batch. */
  private rooms({ slabs }: BusyLane, resultBytes: readonly number[]): (Room | null)[] {
    const { store } = this.options;
    return resultBytes.map((bytes, position) => {
      const wanted = bytes + limits.roomSlackBytes;
      const slab =
        bytes > limits.inlineResultBytes && wanted <= limits.slabBytes && !store.tight
          ? store.memory.tryAllocate(wanted, true)
          : null;
      if (slab === null) return null;
      slabs.set(position, [slab]);
      return { arena: slab.arena.id, offset: slab.offset, byteLength: slab.byteLength };
    });
  }

  /** Batches that `run` is given during `turn` start together at its end. */
  together(turn: () => void): void {
    this.starts.hold();
    try {
      turn();
    } finally {
      this.starts.release();
    }
  }

  private start(message: ThreadBatch, lane: BusyLane): void {
    if (this.lanes[message.lane] !== lane) return; // It was killed before a thread was there.
    this.piscina.run(message, { signal: lane.signal }).then(
      (reply: ThreadReply) => {
        lane.reply = reply;
        if (reply.keeps) this.known.keeps(reply.thread, message.job);
        this.onResults(reply);
        this.finish(message.lane, lane);
      },
      (error: Error) => {
        // A killed lane dies when its thread has exited, not before: it may still write to its slabs.
        if (!lane.ending) this.onDeath(message.lane, lane, this.causeOfDeath(error));
      },
    );
  }

  /** The first thread has loaded. */
  private begin(): void {
    const { early } = this;
    if (early === null || this.closing) return;
    this.early = null;
    for (const start of early) start();
    this.resolveLoaded();
    this.options.threads.startOthers();
  }

  /**
   * Takes back what the lane has not begun. Null when the batch is over already, fewer than `least` tasks are left, or its thread would be there
   * as soon as another.
   */
  takeTail(lane: number, batch: number, least: number): number | null {
    if (this.lanes[lane]?.batch !== batch) return null;
    const waits = least > 0 && this.words.claimed(lane) === 0;
    return waits && !this.someThreadIsFree() ? null : this.words.takeTail(lane, least);
  }

  private someThreadIsFree(): boolean {
    const begun = this.lanes.filter((lane, index) => lane !== null && this.words.claimed(index) > 0);
    return this.known.size > begun.length;
  }

  /** Ends the lane's thread; piscina starts another. */
  kill(index: number, batch: number): void {
    const lane = this.lanes[index];
    if (lane?.batch !== batch || lane.reply !== null || lane.killing) return;
    lane.killing = true;
    this.known.tellAll({ kind: 'abort', batch });
    lane.grace = setTimeout(() => this.terminate(index, lane), limits.abortGraceMs);
    lane.grace.unref();
  }

  private terminate(index: number, lane: BusyLane): void {
    if (this.lanes[index] !== lane || lane.reply !== null) return; // It heeded the signal.
    const before = this.piscina.threads;
    lane.ending = true;
    lane.signal.emit('abort');
    const after = new Set(this.piscina.threads);
    const exits = before.filter(thread => !after.has(thread)).map(exitOf);
    Promise.all(exits).then(() => this.onDeath(index, lane, 'it was ended'));
  }

  /** Threads forget what they keep of a job. */
  dropJob(job: number): void {
    this.known.dropJob(job);
  }

  dropArena(arena: number): void {
    this.known.dropArena(arena);
    collectGarbage();
  }

  async close(): Promise<void> {
    this.closing = true;
    this.resolveLoaded();
    await this.options.threads.end();
    this.lanes.forEach((lane, index) => {
      if (lane !== null) this.clear(index, lane);
    });
  }

  private onMessage(message: FromThread): void {
    switch (message.kind) {
      case 'thread-ready':
        this.known.add(message.thread, message.port);
        return;
      case 'thread-loaded':
        this.begin();
        return;
      case 'task-begins':
        this.options.emit({ kind: 'lane-started', lane: message.lane, batch: message.batch });
        return;
      case 'results': {
        const lane = this.laneOf(message.results);
        if (lane === null) return;
        lane.streamed++;
        this.onResults(message.results);
        this.finish(message.results.lane, lane);
        return;
      }
      case 'ask-slab':
        this.giveSlab(message).catch(error => this.refuse(message, error));
        return;
      case 'ask-arena':
        this.known.sendArena(message.thread, message.arena);
        this.words.answer(message.lane, Answer.Granted);
        return;
      case 'ask-template':
        this.giveTemplate(message);
        return;
      case 'ask-input':
        this.giveInput(message).catch(error => this.refuse(message, error));
        return;
    }
  }

  private async giveSlab(ask: Extract<Ask, { kind: 'ask-slab' }>): Promise<void> {
    const { memory } = this.options.store;
    const slab = memory.tryAllocate(ask.byteLength, true) ?? (await memory.allocate(ask.byteLength, true));
    const lane = this.laneOf(ask);
    if (lane === null || lane.ending) return memory.free(slab); // Its thread has ended meanwhile.
    const slabs = lane.slabs.get(ask.position);
    if (slabs === undefined) lane.slabs.set(ask.position, [slab]);
    else slabs.push(slab);
    this.known.sendArena(ask.thread, slab.arena.id);
    this.words.answer(ask.lane, Answer.Granted, slab.arena.id, slab.offset);
  }

  /** A copy, which the thread gets: nothing has to be given back. */
  private async giveInput(question: Extract<Ask, { kind: 'ask-input' }>): Promise<void> {
    const { job, index, slice } = question.ask;
    const copy = await this.options.store.copy({ job: job as JobId, index }, slice);
    if (copy === null) throw new VolleyError('NOT_FOUND', `input ${job}/${index} is gone`);
    const { header, bytes } = copy;
    const lane = this.laneOf(question);
    if (lane === null || lane.ending) return; // Its thread has ended meanwhile.
    this.known.tell(question.thread, { kind: 'input', header, bytes }, [bytes.buffer as ArrayBuffer]);
    this.words.answer(question.lane, Answer.Granted);
  }

  private giveTemplate(ask: Extract<Ask, { kind: 'ask-template' }>): void {
    const spec = this.options.template(ask.job, ask.template);
    if (spec === null) {
      const gone = `template ${ask.template} of job ${ask.job} is gone: the job was dropped`;
      this.refuse(ask, new VolleyError('CANCELLED', gone));
      return;
    }
    const { kind, body } = spec;
    const { job, template } = ask;
    this.known.tell(ask.thread, { kind: 'template', job, template, templateKind: kind, body: owned(body) });
    this.words.answer(ask.lane, Answer.Granted);
  }

  private definitionOf({ job, template }: ThreadBatch): Template | null {
    const spec = this.options.template(job, template);
    if (spec === null || spec.body.byteLength > limits.threadTemplateBytes) return null;
    return { kind: spec.kind, body: owned(spec.body) };
  }

  private refuse(ask: Ask, error: unknown): void {
    const lane = this.laneOf(ask);
    if (lane === null || lane.ending) return;
    const code = error instanceof VolleyError ? error.code : 'INTERNAL';
    this.known.tell(ask.thread, { kind: 'refused', code, message: (error as Error).message });
    this.words.answer(ask.lane, Answer.Refused);
  }

  private laneOf(of: { readonly lane: number; readonly batch: number }): BusyLane | null {
    const lane = this.lanes[of.lane];
    return lane?.batch === of.batch ? lane : null;
  }

  private onResults(results: ThreadResults): void {
    const lane = this.laneOf(results);
    if (lane === null) return;
    const ends = laneResults(results, (position, byteLength) => {
      const slabs = lane.slabs.get(position);
      const published = slabs?.pop() ?? null;
      if (published !== null) this.options.store.memory.trim(published, byteLength);
      if (slabs?.length === 0) lane.slabs.delete(position);
      return published;
    });
    if (ends.length === 0) return;
    publishEnded(lane.name, ends);
    this.options.emit({ kind: 'lane-results', lane: results.lane, batch: results.batch, results: ends });
  }

  /** The batch is over when its reply and every message before it are in: they come through different ports. */
  private finish(index: number, lane: BusyLane): void {
    if (lane.reply === null || lane.streamed < lane.reply.streamed) return;
    this.clear(index, lane);
    this.options.emit({ kind: 'lane-free', lane: index, batch: lane.batch });
  }

  private onDeath(index: number, lane: BusyLane, detail: string): void {
    if (this.closing || this.lanes[index] !== lane) return;
    const claimed = this.words.claimed(index);
    this.clear(index, lane);
    this.options.emit({ kind: 'lane-died', lane: index, batch: lane.batch, claimed, detail });
    if (this.piscina.threads.length === 0) this.options.onBroken(`no thread can be started: ${detail}`);
  }

  private clear(index: number, lane: BusyLane): void {
    for (const slabs of lane.slabs.values()) for (const slab of slabs) this.options.store.memory.free(slab);
    lane.slabs.clear();
    if (lane.grace !== null) clearTimeout(lane.grace);
    lane.release();
    this.words.close(index);
    this.lanes[index] = null;
    // Its job was dropped while it ran: what the thread kept after that would stay for ever.
    if (this.options.template(lane.job, lane.template) === null) this.dropJob(lane.job);
  }

  private causeOfDeath(error: Error & { code?: string }): string {
    if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return `it ran out of its heap of ${this.options.threads.heapMb} MB. Use more, smaller tasks, or fewer threads with more memory`;
    }
    return error.message;
  }
}

/** Bytes whose buffer is theirs alone: cloning a view would copy all of its buffer. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

async function exitOf(thread: Thread): Promise<void> {
  await once(thread, 'exit');
}
