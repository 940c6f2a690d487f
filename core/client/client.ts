import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVolleyError, VolleyError } from '../base/errors.js';
import type { ClientId, JobId, TaskRef } from '../base/ids.js';
import { formatTask } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { Executor } from '../graph/executor.js';
import type { LeasedPartition } from '../graph/partition.js';
import type { Explanation, Location, StatusReport } from '../graph/report.js';
import type { FaultEvent } from '../notify/notifier.js';
import type { BulkClient } from '../rpc/bulk.js';
import { ownVersions } from '../rpc/handshake.js';
import type { Link } from '../rpc/transport.js';
import type {
  ClientToHead,
  ClientWelcome,
  HeadToClient,
  Outcome,
  PeerEntry,
  Question,
  TaskResults,
} from '../wire/messages.js';
import { type AnswerBytes, AnswerMemory } from './answer-memory.js';
import { ClientJob } from './job.js';

/**
 * One attachment to a head: the handshake, the jobs, the results that come back, the questions asked. Everything
 * above it (sessions, dataframes, delayed graphs) submits layers through its jobs.
 */
export class Client implements Executor {
  /** Set by whoever runs head and workers in this process. */
  isHere = false;
  readonly id: ClientId;
  readonly cluster: string;
  readonly bulk: BulkClient;
  private readonly link: Link<HeadToClient, ClientToHead>;
  private readonly jobs = new Map<number, ClientJob>();
  private nextJob: number;
  private readonly lastJob: number;
  private readonly workers = new Map<number, PeerEntry>();
  private readonly answers = new AnswerMemory();
  private readonly workerWaiters = new Set<() => void>();
  private readonly questions = new Map<number, { resolve(json: string): void; reject(error: Error): void }>();
  private nextQuestion = 1;
  private readonly faultHandlers = new Set<(event: FaultEvent) => void>();
  private broken: Error | null = null;
  private holds = 0;
  private holdTimer: NodeJS.Timeout | null = null;

  constructor(link: Link<HeadToClient, ClientToHead>, welcome: ClientWelcome, bulk: BulkClient) {
    this.link = link;
    this.bulk = bulk;
    this.id = welcome.client;
    this.cluster = welcome.cluster;
    this.nextJob = welcome.firstJob;
    this.lastJob = welcome.firstJob + welcome.jobCount - 1;
  }

  openJob(name: string): ClientJob {
    this.assertOpen();
    if (this.nextJob > this.lastJob) {
      throw new VolleyError(
        'RESOURCE_EXHAUSTED',
        'this session has opened all of its jobs; open a new session',
      );
    }
    const job = new ClientJob(this, this.nextJob++ as JobId, name);
    this.jobs.set(job.id, job);
    return job;
  }

  /** Called by the job itself. */
  forgetJob(job: ClientJob): void {
    this.jobs.delete(job.id);
  }

  send(message: ClientToHead): void {
    this.assertOpen();
    this.link.send(message);
  }

  /** Like send, but silent when the session is over: releases may come late. */
  sendIfOpen(message: ClientToHead): void {
    if (this.broken === null) this.link.send(message);
  }

  async status(): Promise<StatusReport> {
    return JSON.parse(await this.ask({ about: 'status' })) as StatusReport;
  }

  async explain(task: TaskRef): Promise<Explanation> {
    return JSON.parse(await this.ask({ about: 'explain', task })) as Explanation;
  }

  /** Calls back for every fault the cluster tells of from now on. Returns the way to stop. */
  onFault(handler: (event: FaultEvent) => void): () => void {
    this.faultHandlers.add(handler);
    return () => this.faultHandlers.delete(handler);
  }

  /** Live workers, by number. */
  peers(): PeerEntry[] {
    return [...this.workers.values()].sort((a, b) => a.worker - b.worker);
  }

  /** Resolves as soon as at least `count` workers have joined; RESOURCE_EXHAUSTED after limits.workerWaitMs. */
  async waitForWorkers(count: number): Promise<PeerEntry[]> {
    const deadline = performance.now() + limits.workerWaitMs;
    while (this.workers.size < count) {
      this.assertOpen();
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) {
        const have = this.workers.size;
        throw new VolleyError(
          'RESOURCE_EXHAUSTED',
          `${have} of ${count} workers have joined; start more with: volley worker --head URL`,
          { have, wanted: count },
        );
      }
      await new Promise<void>(resolve => {
        const timer = setTimeout(done, leftMs);
        const waiters = this.workerWaiters;
        function done(): void {
          clearTimeout(timer);
          waiters.delete(done);
          resolve();
        }
        waiters.add(done);
      });
    }
    return this.peers();
  }

  /**
   * Pulls one slice of a finished task, from `holder` or from whoever holds it by then. `borrowed`: memory of a node in
   * this process may be lent instead of copied, and what is copied may come into memory that is used again: it must be
   * released, and not be written to.
   */
  async fetch(task: TaskRef, slice: number, holder: number, borrowed = false): Promise<LeasedPartition> {
    const deadline = performance.now() + limits.locateMs;
    let lost = 0;
    for (let worker = holder; ; ) {
      const peer = this.workers.get(worker);
      if (peer !== undefined) {
        try {
          return (
            (borrowed ? await this.bulk.borrow(peer.address, task, slice) : null) ??
            (await this.pull(peer, task, slice, borrowed))
          );
        } catch (error) {
          if (!retryable(error)) throw error;
          lost = worker;
        }
      } else {
        lost = worker;
      }
      worker = await this.locate(task, lost, deadline);
    }
  }

  /** While held, an embedded program does not end although nothing else keeps it alive. */
  hold(): void {
    if (this.holds++ > 0) return;
    this.holdTimer ??= setInterval(() => {}, 2 ** 30);
    this.holdTimer.ref();
  }

  unhold(): void {
    if (--this.holds === 0) this.holdTimer?.unref();
  }

  /** Drops all jobs and ends the stream. Idempotent. */
  async close(): Promise<void> {
    if (this.broken === null) {
      this.link.send({ kind: 'client-bye' });
      this.link.flush();
      this.fail(new VolleyError('SESSION_CLOSED', 'the session was closed'));
      this.link.close();
    }
    this.bulk.close();
    this.answers.clear();
    if (this.holdTimer !== null) clearInterval(this.holdTimer);
  }

  receive(message: HeadToClient): void {
    switch (message.kind) {
      case 'task-results':
        this.onResults(message);
        return;
      case 'peers':
        this.workers.clear();
        for (const entry of message.workers) this.workers.set(entry.worker, entry);
        for (const wake of [...this.workerWaiters]) wake();
        return;
      case 'put-lost':
        this.jobs.get(message.job)?.putAgain(message.indices);
        return;
      case 'answer': {
        const question = this.questions.get(message.request);
        this.questions.delete(message.request);
        question?.resolve(message.json);
        return;
      }
      case 'refused':
        this.fail(new VolleyError(message.code, message.message));
        return;
      case 'fault': {
        const event = JSON.parse(message.json) as FaultEvent;
        for (const handler of this.faultHandlers) handler(event);
        return;
      }
      case 'client-welcome':
        return;
    }
  }

  /** The stream ended: everything that waits is told why. */
  fail(error: Error): void {
    if (this.broken !== null) return;
    this.broken = error;
    for (const question of this.questions.values()) question.reject(error);
    this.questions.clear();
    for (const job of this.jobs.values()) job.abandon(error);
    for (const wake of [...this.workerWaiters]) wake();
  }

  private onResults(message: TaskResults): void {
    const job = this.jobs.get(message.job);
    if (job !== undefined) {
      for (let i = 0; i < message.indices.length; i++) {
        job.settle(message.indices[i]!, {
          outcome: message.outcomes[i]! as Outcome,
          rows: message.rows[i]!,
          bytes: message.bytes[i]!,
          holder: message.holders[i]!,
          inline: message.inline?.[i] ?? null,
          failure: message.failures?.[i] ?? null,
        });
      }
    }
    // What encloses nothing is not waited for.
    if (message.inline !== null) this.sendIfOpen({ kind: 'ack', sequence: message.sequence });
  }

  private async pull(
    peer: PeerEntry,
    task: TaskRef,
    slice: number,
    borrowed: boolean,
  ): Promise<LeasedPartition> {
    let lent = nothing;
    try {
      const header = await this.bulk.fetch(peer.address, task, slice, ({ byteLength }) => {
        lent.release(); // A second try over another way.
        lent = borrowed ? this.answers.take(byteLength) : { ...nothing, bytes: new Uint8Array(byteLength) };
        return lent.bytes;
      });
      return { header, ...lent };
    } catch (error) {
      lent.release();
      throw error;
    }
  }

  private async locate(task: TaskRef, lost: number, deadline: number): Promise<number> {
    while (performance.now() < deadline) {
      const answer = JSON.parse(await this.ask({ about: 'locate', task, lost })) as Location;
      const found = answer.holders.find(h => this.workers.has(h));
      if (found !== undefined) return found;
      if (['failed', 'cancelled', 'unknown'].includes(answer.state)) break;
      lost = 0;
      await sleep(limits.locateEveryMs);
    }
    const name = formatTask(task.job, task.index);
    throw new VolleyError('DATA_LOST', `the result of task ${name} was lost and nothing recomputes it`, {
      task: name,
    });
  }

  private ask(question: Question): Promise<string> {
    this.assertOpen();
    const request = this.nextQuestion++;
    return new Promise((resolve, reject) => {
      this.questions.set(request, { resolve, reject });
      this.link.send({ kind: 'ask', request, question });
    });
  }

  /** Throws why the session is over, if it is. */
  assertOpen(): void {
    if (this.broken !== null) throw this.broken;
  }
}

const nothing: AnswerBytes = { bytes: new Uint8Array(0), release: () => {} };

/** Says hello and waits for the head's answer. Rejects with what the head refused, or UNREACHABLE. */
export async function openClient(
  link: Link<HeadToClient, ClientToHead>,
  bulk: BulkClient,
  name: string,
): Promise<Client> {
  return new Promise((resolve, reject) => {
    let client: Client | null = null;
    const timer = setTimeout(() => {
      link.close();
      reject(
        new VolleyError('UNREACHABLE', `${link.peer} did not answer the handshake`, { address: link.peer }),
      );
    }, limits.handshakeMs);
    link.onBatch(batch => {
      for (const message of batch) {
        if (message.kind === 'client-welcome') {
          clearTimeout(timer);
          client = new Client(link, message, bulk);
          resolve(client);
        } else if (message.kind === 'refused' && client === null) {
          clearTimeout(timer);
          reject(new VolleyError(message.code, message.message));
        } else {
          client?.receive(message);
        }
      }
    });
    link.onClose(reason => {
      clearTimeout(timer);
      const error = new VolleyError('UNREACHABLE', `the head at ${link.peer} is gone: ${reason.message}`, {
        address: link.peer,
      });
      client?.fail(error);
      reject(error);
    });
    link.send({ kind: 'client-hello', versions: ownVersions(), name });
  });
}

function retryable(error: unknown): boolean {
  return (
    isVolleyError(error, 'NOT_FOUND') ||
    isVolleyError(error, 'UNREACHABLE') ||
    isVolleyError(error, 'CORRUPT_PARTITION')
  );
}
