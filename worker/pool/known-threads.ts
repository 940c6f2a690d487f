import type { MessagePort, TransferListItem } from 'node:worker_threads';
import type { SlabAllocator } from '../store/slabs.js';
import type { ToThread } from './protocol.js';

interface KnownThread {
  readonly port: MessagePort;
  readonly arenas: Set<number>;
}

/** Threads that run: what they are told, and what each has been given. */
export class KnownThreads {
  private readonly slabs: SlabAllocator;
  private readonly threads = new Map<number, KnownThread>();
  /** Threads that keep something of a job. */
  private readonly keepers = new Map<number, Set<number>>();

  constructor(slabs: SlabAllocator) {
    this.slabs = slabs;
  }

  get size(): number {
    return this.threads.size;
  }

  add(thread: number, port: MessagePort): void {
    this.threads.set(thread, { port, arenas: new Set() });
    port.once('close', () => this.threads.delete(thread));
  }

  tell(thread: number, message: ToThread, transfer: readonly TransferListItem[] = []): void {
    this.threads.get(thread)?.port.postMessage(message, transfer);
  }

  tellAll(message: ToThread): void {
    for (const { port } of this.threads.values()) port.postMessage(message);
  }

  /** Unless it has been. */
  sendArena(thread: number, id: number): void {
    const arena = this.slabs.arena(id);
    const known = this.threads.get(thread);
    if (arena === undefined || known === undefined || known.arenas.has(id)) return;
    known.arenas.add(id);
    const buffer = this.slabs.isOfNode(arena) ? null : arena.buffer;
    this.tell(thread, { kind: 'arena', arena: id, buffer });
  }

  dropArena(arena: number): void {
    for (const thread of this.threads.values()) thread.arenas.delete(arena);
    this.tellAll({ kind: 'drop-arena', arena });
  }

  keeps(thread: number, job: number): void {
    const keepers = this.keepers.get(job);
    if (keepers === undefined) this.keepers.set(job, new Set([thread]));
    else keepers.add(thread);
  }

  /** They forget what they keep of a job. */
  dropJob(job: number): void {
    for (const thread of this.keepers.get(job) ?? []) this.tell(thread, { kind: 'drop-job', job });
    this.keepers.delete(job);
  }
}
