import { MessageChannel, parentPort, receiveMessageOnPort, threadId } from 'node:worker_threads';
import { assert } from '../../core/base/assert.js';
import { collectGarbage, collectGarbageNow } from '../../core/base/collect-garbage.js';
import { type ErrorCode, VolleyError } from '../../core/base/errors.js';
import { workFor } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import type { FragmentInput } from '../../dataframe/physical/task.js';
import type { LaneWords } from './lane-words.js';
import type { Ask, AskedInput, FromThread, Template, ToThread } from './protocol.js';

/** `Omit` that keeps a union a union. */
type Question = Ask extends infer A ? (A extends Ask ? Omit<A, 'thread' | 'lane' | 'batch'> : never) : never;

/** The node has no memory for this result, or an input is gone: its fault, not the task's. */
export class NodeFault extends VolleyError {}

/**
 * The thread's side of the conversation with its engine: synchronous, because kernels are. The thread posts a
 * question, sleeps, and finds what was sent in its own port when it wakes.
 */
export class Mailbox {
  /** What a job's end must take along: caches keyed by job. */
  onDropJob: (job: number) => void = () => {};
  /** The running batch is about to be ended. */
  onAbort: () => void = () => {};
  private readonly words: LaneWords;
  private readonly port;
  /** Of the node's memory. */
  private readonly node: SharedArrayBuffer | null;
  private readonly arenas = new Map<number, SharedArrayBuffer>();
  private readonly templates = new Map<string, Template>();
  private received: FragmentInput | null = null;
  /** Of inputs, since V8 was last asked to look for those nobody needs: it does not see how large they are. */
  private copiedBytes = 0;
  private refusal: { code: string; message: string } | null = null;
  private lane = 0;
  private batch = 0;

  constructor(words: LaneWords, node: SharedArrayBuffer | null) {
    this.words = words;
    this.node = node;
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    this.port.on('message', (message: ToThread) => this.take(message));
    this.port.unref();
    this.post({ kind: 'thread-ready', thread: threadId, port: port2 }, [port2]);
  }

  /** Questions are asked in the name of this batch. */
  begin(lane: number, batch: number): void {
    this.lane = lane;
    this.batch = batch;
    workFor(lane);
  }

  /** The batch is over: its lane is for others now. */
  end(): void {
    workFor(null);
  }

  post(message: FromThread, transfer: readonly import('node:worker_threads').TransferListItem[] = []): void {
    parentPort!.postMessage(message, transfer);
  }

  /** Uninitialised shared memory for the result of the task at this position. Throws OUT_OF_MEMORY. */
  allocate(position: number, byteLength: number): Uint8Array {
    const { arena, offset } = this.ask({ kind: 'ask-slab', position, byteLength });
    return new Uint8Array(this.arena(arena), offset, byteLength);
  }

  /** The memory of an arena; asked for once. */
  arena(id: number): SharedArrayBuffer {
    this.drain();
    if (!this.arenas.has(id)) this.ask({ kind: 'ask-arena', arena: id });
    const buffer = this.arenas.get(id);
    assert(buffer !== undefined, 'an arena arrives before the answer');
    return buffer;
  }

  /** A template's body; asked for once. */
  template(job: number, template: number): Template {
    const key = `${job}/${template}`;
    if (!this.templates.has(key)) this.ask({ kind: 'ask-template', job, template });
    const found = this.templates.get(key);
    assert(found !== undefined, 'a template arrives before the answer');
    return found;
  }

  /** A copy of an input that was not given with the batch. Throws OUT_OF_MEMORY, NOT_FOUND. */
  input(input: AskedInput): FragmentInput {
    if (this.copiedBytes >= limits.copiedInputBytes) {
      this.copiedBytes = 0;
      collectGarbageNow();
    }
    this.ask({ kind: 'ask-input', ...input });
    const { received } = this;
    assert(received !== null, 'an input arrives before the answer');
    this.received = null;
    this.copiedBytes += received.bytes.byteLength;
    return received;
  }

  private ask(question: Question): { arena: number; offset: number } {
    const { lane, batch } = this;
    this.words.expectAnswer(lane);
    this.post({ ...question, thread: threadId, lane, batch });
    const answer = this.words.awaitAnswer(lane);
    this.drain();
    if (answer.granted) return answer;
    const { code, message } = this.refusal ?? { code: 'INTERNAL', message: 'the engine gave no reason' };
    this.refusal = null;
    if (code === 'OUT_OF_MEMORY' || code === 'NOT_FOUND') throw new NodeFault(code, message);
    throw new VolleyError(code as ErrorCode, message);
  }

  private drain(): void {
    for (let entry = receiveMessageOnPort(this.port); entry; entry = receiveMessageOnPort(this.port)) {
      this.take(entry.message as ToThread);
    }
  }

  private dropArena(id: number): void {
    const buffer = this.arenas.get(id);
    this.arenas.delete(id);
    if (buffer !== undefined && buffer !== this.node) collectGarbage();
  }

  private take(message: ToThread): void {
    switch (message.kind) {
      case 'arena':
        this.arenas.set(message.arena, message.buffer ?? this.node!);
        return;
      case 'drop-arena':
        this.dropArena(message.arena);
        return;
      case 'abort':
        if (message.batch === this.batch) this.onAbort();
        return;
      case 'template':
        this.templates.set(`${message.job}/${message.template}`, {
          kind: message.templateKind,
          body: message.body,
        });
        return;
      case 'drop-job':
        for (const key of [...this.templates.keys()]) {
          if (key.startsWith(`${message.job}/`)) this.templates.delete(key);
        }
        this.onDropJob(message.job);
        return;
      case 'input':
        this.received = message;
        return;
      case 'refused':
        this.refusal = message;
        return;
    }
  }
}
