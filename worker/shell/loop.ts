import type { Clock } from '../../core/base/clock.js';
import { isVolleyError } from '../../core/base/errors.js';
import { formatTask } from '../../core/base/ids.js';
import type { Log } from '../../core/base/log.js';
import type { FaultEvent, FaultKind, Notifier } from '../../core/notify/notifier.js';
import type { Link } from '../../core/rpc/transport.js';
import type { EngineDeath, HeadToWorker, WorkerToHead, WorkerWelcome } from '../../core/wire/messages.js';
import type { ThreadPool } from '../pool/pool.js';
import type { Batch, EffectSink, Event, WorkerFault } from '../state/api.js';
import { dispatch, nextTickMs } from '../state/dispatch.js';
import { tasksOnLanes } from '../state/lanes.js';
import { reduce } from '../state/reduce.js';
import type { Worker } from '../state/worker.js';
import type { Store } from '../store/store.js';
import type { AwaySlices } from './away.js';
import { type GatheredBatch, gatherBatch, InputsGone } from './gather.js';
import type { Puller } from './puller.js';
import type { Templates } from './templates.js';

export interface LoopParts {
  readonly state: Worker;
  readonly store: Store;
  readonly away: AwaySlices;
  readonly pool: ThreadPool;
  readonly templates: Templates;
  readonly puller: Puller;
  readonly link: Link<HeadToWorker, WorkerToHead>;
  readonly welcome: WorkerWelcome;
  readonly clock: Clock;
  readonly notifier: Notifier;
  readonly log: Log;
  readonly name: string;
  readonly onRunning: ((tasks: EngineDeath['running'], rssBytes: number) => void) | null;
  readonly rssLimitBytes: number;
  /** The engine is to end. */
  readonly onEnd: (reason: string) => void;
}

/** After these, lanes hold less than the supervisor was told. */
const lanesLose: ReadonlySet<Event['kind']> = new Set([
  'lane-free',
  'lane-died',
  'tail-taken',
  'batch-refused',
]);

/** The shell's one boring loop: drain the inbox, reduce each event, dispatch once, carry out the effects. */
export class EngineLoop {
  private readonly parts: LoopParts;
  private readonly effects: EffectSink;
  private inbox: Event[] = [];
  private scheduled = false;
  private stopped = false;
  private timer: NodeJS.Timeout | null = null;
  private timerMs = Number.POSITIVE_INFINITY;
  private readonly heartbeat: NodeJS.Timeout;
  private rssBytes = 0;
  /** Lanes have lost tasks since the supervisor was last told. */
  private untold = false;

  constructor(parts: LoopParts) {
    this.parts = parts;
    this.effects = this.sink();
    this.heartbeat = setInterval(() => this.beat(), parts.welcome.heartbeatMs);
    this.heartbeat.unref();
    parts.store.memory.onRelief = () => {
      if (parts.state.paused && !this.overLimit) this.schedule();
    };
    this.beat();
  }

  /** Queues an event; it is handled before the event loop turns. */
  push(event: Event): void {
    if (this.stopped) return;
    this.inbox.push(event);
    this.schedule();
  }

  /** A turn is due: for events, or because memory was freed. */
  private schedule(): void {
    if (this.scheduled || this.stopped) return;
    this.scheduled = true;
    queueMicrotask(() => this.turn());
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.heartbeat);
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private turn(): void {
    if (this.stopped) return;
    const { state, clock } = this.parts;
    do {
      const events = this.inbox;
      this.inbox = [];
      const nowMs = clock.nowMs();
      for (const event of events) {
        reduce(state, event, nowMs, this.effects);
        this.untold ||= lanesLose.has(event.kind);
      }
      if (this.overLimit !== state.paused) this.pause(this.overLimit);
      this.parts.pool.together(() => dispatch(state, nowMs, this.effects));
    } while (this.inbox.length > 0 && !this.stopped);
    this.scheduled = false;
    if (this.untold) this.tellRunning(0);
    if (state.shutdown !== null) this.parts.onEnd(`the head asked for it: ${state.shutdown}`);
    this.armTimer();
  }

  private pause(paused: boolean): void {
    const { state, store, clock } = this.parts;
    reduce(state, { kind: 'memory', paused }, clock.nowMs(), this.effects);
    if (!paused) return;
    const detail = `${store.storedBytes} bytes stored, ${this.rssBytes} resident: no new tasks until memory is freed or spilled`;
    this.parts.link.send({ kind: 'fault-seen', fault: 'memory-pressure', task: null, peer: null, detail });
    this.publish('memory-pressure', detail, {});
    this.beat();
  }

  /** Memory outside of slabs and heaps can only be seen from outside: the last resort. */
  private watch(): void {
    const { state, rssLimitBytes } = this.parts;
    this.rssBytes = process.memoryUsage.rss();
    if (this.rssBytes > 2 * rssLimitBytes) {
      this.parts.onEnd(`${this.rssBytes} resident bytes are more than twice the limit of ${rssLimitBytes}`);
    }
    if (this.overLimit !== state.paused) this.schedule();
  }

  private get overLimit(): boolean {
    return this.parts.store.paused || this.rssBytes > this.parts.rssLimitBytes;
  }

  private armTimer(): void {
    const dueMs = this.stopped ? Number.POSITIVE_INFINITY : nextTickMs(this.parts.state);
    if (dueMs === this.timerMs) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.timerMs = dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(1, Math.ceil(dueMs - this.parts.clock.nowMs()));
    this.timer = setTimeout(() => {
      this.timer = null;
      this.timerMs = Number.POSITIVE_INFINITY;
      this.push({ kind: 'tick' });
    }, waitMs);
    this.timer.unref();
  }

  private beat(): void {
    const { state, store, link } = this.parts;
    this.watch();
    const { rssBytes } = this;
    link.send({
      kind: 'heartbeat',
      storedBytes: store.storedBytes,
      spilledBytes: store.spilledBytes,
      rssBytes,
      queued: state.fetching + state.readyCount,
      running: state.running,
      paused: state.paused,
    });
    this.tellRunning(rssBytes);
  }

  private sink(): EffectSink {
    const { store, away, pool, templates, puller, link } = this.parts;
    return {
      toHead: message => link.send(message),
      startPull: pull => puller.start(pull),
      abortPull: pull => puller.abort(pull),
      installTemplate: spec => templates.add(spec),
      runBatch: batch => this.runBatch(batch),
      takeTail: (lane, batch, least) => {
        const from = pool.takeTail(lane, batch, least);
        if (from !== null) this.push({ kind: 'tail-taken', lane, batch, from });
      },
      killLane: (lane, batch) => pool.kill(lane, batch),
      keepResult: (task, payload) => store.keep(task, payload, true),
      discard: payload => store.discard(payload),
      dropResult: task => store.drop(task),
      dropSlice: (task, slice) => {
        store.dropSlice(task, slice);
        away.drop(task, slice);
      },
      dropJob: job => {
        away.dropJob(job);
        store.dropJob(job);
        templates.dropJob(job);
        pool.dropJob(job);
      },
      fault: fault => this.fault(fault),
    };
  }

  private runBatch(batch: Batch): void {
    this.tellRunning(0);
    try {
      const { job, template } = batch;
      const streams = this.parts.templates.get(job, template)?.kind === 'stream';
      const gathered = gatherBatch(this.parts.store, this.parts.away, batch, streams);
      if (gathered instanceof Promise)
        gathered.then(
          ready => this.begin(ready),
          error => this.refuse(batch, error),
        );
      else this.begin(gathered);
    } catch (error) {
      this.refuse(batch, error);
    }
  }

  private begin(gathered: GatheredBatch): void {
    const { message, sizes } = gathered;
    if (this.stopped) {
      gathered.release();
      return;
    }
    const resultBytes = this.parts.templates.resultBytes(message.job, message.template, sizes);
    this.parts.pool.run(message, resultBytes, () => gathered.release());
  }

  private refuse(batch: Batch, error: unknown): void {
    if (!(error instanceof InputsGone) && !isVolleyError(error, 'OUT_OF_MEMORY')) throw error;
    const lost = error instanceof InputsGone ? error.lost : [];
    const detail = error.message;
    this.push({ kind: 'batch-refused', lane: batch.lane, batch: batch.id, lost, detail });
  }

  /** `rssBytes` 0: not measured now. */
  private tellRunning(rssBytes: number): void {
    this.untold = false;
    const { onRunning } = this.parts;
    if (onRunning !== null) onRunning(tasksOnLanes(this.parts.state), rssBytes);
  }

  private fault(fault: WorkerFault): void {
    const { kind, task, peer, detail } = fault;
    this.parts.link.send({ kind: 'fault-seen', fault: kind, task, peer, detail });
    const about: Partial<FaultEvent> = {};
    if (task !== null) Object.assign(about, { task: formatTask(task.job, task.index) });
    if (peer !== null) Object.assign(about, { worker: peer });
    this.publish(kind, detail, about);
  }

  private publish(kind: FaultKind, detail: string, about: Partial<FaultEvent>): void {
    const { notifier, name, welcome } = this.parts;
    notifier.publish({
      version: 1,
      kind,
      cluster: welcome.cluster,
      source: name,
      at: new Date().toISOString(),
      worker: welcome.worker,
      workerName: name,
      pid: process.pid,
      ...about,
      detail,
    });
  }
}
