import { checksumOf } from '../../core/base/checksum.js';
import { collectGarbage } from '../../core/base/collect-garbage.js';
import { VolleyError } from '../../core/base/errors.js';
import type { JobId, TaskRef } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { LeasedPartition, PartitionHeader } from '../../core/graph/partition.js';
import { alignUp } from './arena.js';
import {
  type Block,
  compactHeader,
  heapBytes,
  newBlock,
  type Payload,
  residentBytes,
  type StoredSlice,
  seal,
} from './block.js';
import { ByteGate } from './gate.js';
import { MemoryBudget, type MemoryOptions } from './memory.js';
import { sharedSlab } from './shared-slab.js';
import { type Slab, slabBytes } from './slabs.js';
import { SpillFolder } from './spill.js';
import { Spiller } from './spiller.js';

export interface StoreOptions extends MemoryOptions {
  /** Null: below the system's folder for temporary files. */
  readonly spillDir: string | null;
  /** A spilled partition could not be read back: it is gone from here. */
  readonly onCorrupt?: (task: TaskRef, detail: string) => void;
}

/** A slice that stays in memory until released. */
export interface PinnedSlice {
  readonly header: PartitionHeader;
  /** Where threads find it; null when it is only in `bytes`, on the heap. */
  readonly slab: Slab | null;
  /** Offset of the slice in its arena. */
  readonly arenaOffset: number;
  readonly bytes: Uint8Array;
  /** A thread of this node wrote it, and it has not left its memory since. */
  readonly trusted: boolean;
  release(): void;
}

/** Results by job and index. A sparse entry holds only those slices that were pulled. */
type Slices = (StoredSlice | undefined)[];

/**
 * The object store of one node. Only the engine's main thread calls it. Results are reference-counted blocks;
 * memory is accounted to the byte; what was not read for the longest time is spilled first.
 */
export class Store {
  readonly memory: MemoryBudget;
  private readonly jobs = new Map<number, Map<number, Slices>>();
  private readonly folder: SpillFolder;
  private readonly spiller: Spiller;
  /** Bytes of slabs lent to this process: results its program still refers to. */
  private leasedBytes = 0;
  /** What running batches read, and as much again for their results. */
  readonly running: ByteGate;
  private readonly lendGate = new ByteGate(limits.lendBufferBytes);
  private readonly onCorrupt: (task: TaskRef, detail: string) => void;

  constructor(options: StoreOptions) {
    this.memory = new MemoryBudget(options);
    this.running = new ByteGate(limits.runningShare * options.memoryBytes);
    this.folder = new SpillFolder(options.spillDir);
    this.spiller = new Spiller(this.memory, this.folder);
    this.memory.onPressure = () => {
      // Results that nobody refers to any more come back with a collection, which nothing else would ask for.
      if (this.leasedBytes > 0) collectGarbage();
      this.spiller.wake();
    };
    this.onCorrupt = options.onCorrupt ?? (() => {});
  }

  /** Bytes of slabs in use, running tasks' and half-pulled ones included. */
  get storedBytes(): number {
    return this.memory.usedBytes;
  }

  get spilledBytes(): number {
    return this.spiller.spilledBytes;
  }

  /** Some of it is on disk, or soon will be: what is pinned should be no more than what is read. */
  get tight(): boolean {
    return this.spiller.spilledBytes > 0 || this.memory.level > limits.memorySpillShare;
  }

  /** Over its limit: no new tasks. */
  get paused(): boolean {
    return this.memory.level > limits.memoryPauseShare;
  }

  has(task: TaskRef): boolean {
    return this.jobs.get(task.job)?.has(task.index) ?? false;
  }

  /** Takes a result over. A second result of the same task replaces the first. `trusted`: a thread of this node made it. */
  keep(task: TaskRef, payload: Payload, trusted = false): void {
    if (payload.bytes !== null) this.memory.chargeHeap(heapBytes(payload.bytes));
    const block = newBlock(payload.slab, payload.bytes, trusted);
    const slices = payload.slices.map(({ header, offset }) => ({
      header: compactHeader(header),
      block,
      offset,
    }));
    this.drop(task);
    this.jobEntries(task.job).set(task.index, slices);
    this.spiller.add(block, slices);
  }

  /** Gives back what a task made but nobody wants. */
  discard(payload: Payload): void {
    if (payload.slab !== null) this.memory.free(payload.slab);
  }

  /** Takes over one pulled slice of a result that lives elsewhere. */
  addCopy(task: TaskRef, slice: number, header: PartitionHeader, slab: Slab | null): void {
    this.dropSlice(task, slice);
    const entries = this.jobEntries(task.job);
    let slices = entries.get(task.index);
    if (slices === undefined) entries.set(task.index, (slices = []));
    const block = newBlock(slab, slab === null ? new Uint8Array(0) : null);
    const stored = { header: compactHeader(header), block, offset: 0 };
    slices[slice] = stored;
    this.spiller.add(block, [stored]);
  }

  /** The slice in memory, pinned; null when it is not here. Rejects with OUT_OF_MEMORY. */
  async pin(task: TaskRef, slice: number, beyond = false): Promise<PinnedSlice | null> {
    const now = this.pinNow(task, slice);
    return now === undefined ? this.readBack(task, slice, beyond) : now;
  }

  /** Bytes of a slice, and whether the whole result is that slice; null when it is not here. */
  sizeOf(task: TaskRef, slice: number): { bytes: number; whole: boolean } | null {
    const stored = this.jobs.get(task.job)?.get(task.index)?.[slice];
    if (stored === undefined) return null;
    const bytes = stored.header.byteLength;
    return { bytes, whole: bytes === stored.block.byteLength };
  }

  /** As `pin`, but undefined when the slice has to be read back from disk first. */
  pinNow(task: TaskRef, slice: number): PinnedSlice | null | undefined {
    const stored = this.jobs.get(task.job)?.get(task.index)?.[slice];
    if (stored === undefined) return null;
    const resident = residentBytes(stored.block);
    if (resident === null) return undefined;
    return this.pinned(stored, resident);
  }

  /**
   * A slice for a peer. What is on disk is read beside the memory budget, so that two full nodes that wait for each
   * other's slices both get them; limits.lendBufferBytes bounds that.
   */
  async lend(task: TaskRef, slice: number): Promise<LeasedPartition | null> {
    const now = this.pinNow(task, slice);
    if (now === null) return null;
    if (now === undefined) return this.lendSpilled(task, slice);
    const stored = this.jobs.get(task.job)!.get(task.index)![slice]!;
    await seal(stored, residentBytes(stored.block)!);
    return { ...now, header: stored.header };
  }

  /**
   * A slice for this process, without a copy while no more than limits.leasedShare of the budget is away like that;
   * beyond it, and from disk, a copy on the heap.
   */
  async lendHere(task: TaskRef, slice: number): Promise<LeasedPartition | null> {
    const now = this.pinNow(task, slice);
    if (now === null) return null;
    const size = now?.slab?.byteLength ?? 0;
    if (now === undefined || this.leasedBytes + size > limits.leasedShare * this.memory.slabs.budgetBytes) {
      now?.release();
      return this.copy(task, slice);
    }
    const { header, bytes, trusted } = now;
    let away = size;
    this.leasedBytes += away;
    const release = () => {
      this.leasedBytes -= away;
      away = 0;
      now.release();
    };
    return { header, bytes, trusted, release };
  }

  /** A slice on the heap, in a buffer that is the taker's: what is on disk need not come back into the budget for it. */
  async copy(task: TaskRef, slice: number): Promise<LeasedPartition | null> {
    const now = this.pinNow(task, slice);
    const lent = now === undefined ? await this.lendSpilled(task, slice) : now;
    if (lent === null) return null;
    const { header, trusted } = lent;
    const bytes = now === undefined ? lent.bytes : lent.bytes.slice();
    lent.release();
    return { header, bytes, trusted, release: () => {} };
  }

  private async lendSpilled(task: TaskRef, slice: number): Promise<LeasedPartition | null> {
    const { header, block, offset } = this.jobs.get(task.job)!.get(task.index)![slice]!;
    block.pins++; // The file stays while it is waited for and read.
    const release = await this.lendGate.enter(header.byteLength);
    try {
      const bytes = new Uint8Array(header.byteLength);
      const resident = residentBytes(block);
      if (resident !== null) bytes.set(resident.subarray(offset, offset + header.byteLength));
      else await this.readFile(block, offset, bytes, header);
      return { header, bytes, release };
    } catch (error) {
      release();
      this.loseSpilled(task, error as Error);
      return null;
    } finally {
      block.pins--;
      this.spiller.unpinned(block);
    }
  }

  drop(task: TaskRef): void {
    const slices = this.jobs.get(task.job)?.get(task.index);
    if (slices === undefined) return;
    this.jobs.get(task.job)?.delete(task.index);
    const blocks = new Set<Block>();
    for (const slice of slices) if (slice !== undefined) blocks.add(slice.block);
    for (const block of blocks) this.spiller.drop(block);
  }

  /** Drops one pulled slice. */
  dropSlice(task: TaskRef, slice: number): void {
    const slices = this.jobs.get(task.job)?.get(task.index);
    const stored = slices?.[slice];
    if (slices === undefined || stored === undefined) return;
    slices[slice] = undefined;
    if (!slices.some(each => each !== undefined)) this.jobs.get(task.job)?.delete(task.index);
    if (!slices.some(each => each?.block === stored.block)) this.spiller.drop(stored.block);
  }

  dropJob(job: JobId): void {
    for (const index of [...(this.jobs.get(job)?.keys() ?? [])]) this.drop({ job, index });
    this.jobs.delete(job);
  }

  async close(): Promise<void> {
    for (const job of [...this.jobs.keys()]) this.dropJob(job as JobId);
    this.memory.close();
    await this.spiller.close();
    await this.folder.close();
  }

  private jobEntries(job: JobId): Map<number, Slices> {
    let entries = this.jobs.get(job);
    if (entries === undefined) this.jobs.set(job, (entries = new Map()));
    return entries;
  }

  private pinned(stored: StoredSlice, resident: Uint8Array): PinnedSlice {
    const { block, header, offset } = stored;
    block.pins++;
    this.spiller.touch(block);
    let released = false;
    return {
      header,
      slab: block.slab,
      arenaOffset: (block.slab?.offset ?? 0) + offset,
      bytes: resident.subarray(offset, offset + header.byteLength),
      trusted: block.trusted,
      release: () => {
        if (released) return;
        released = true;
        block.pins--;
        this.spiller.unpinned(block);
      },
    };
  }

  /**
   * A spilled slice comes back into a slab of its own, verified. When the slice is the whole block, the block is
   * resident again; else the slab lives as long as the pin, so that a shuffle reads only what it needs.
   */
  private async readBack(task: TaskRef, slice: number, beyond: boolean): Promise<PinnedSlice | null> {
    const stored = this.jobs.get(task.job)?.get(task.index)?.[slice];
    if (stored === undefined) return null;
    const { block, header } = stored;
    block.pins++; // The file stays while it is read.
    let slab: Slab | null = null;
    try {
      slab = await this.give(header.byteLength, beyond);
      const resident = residentBytes(block);
      if (resident !== null) {
        this.memory.free(slab); // Another reader was faster.
        return this.pinned(stored, resident);
      }
      const bytes = slabBytes(slab);
      await this.readFile(block, stored.offset, bytes, header);
      if (header.byteLength === block.byteLength && block.slab === null && !block.dropped) {
        this.spiller.restored(block, slab);
        return this.pinned(stored, bytes);
      }
      return this.borrowed(header, slab, bytes);
    } catch (error) {
      if (slab !== null && !slab.freed) this.memory.free(slab);
      if (error instanceof VolleyError && error.code === 'OUT_OF_MEMORY') throw error;
      this.loseSpilled(task, error as Error);
      return null;
    } finally {
      block.pins--;
      this.spiller.unpinned(block);
    }
  }

  /**
   * Spilled slices of larger results, as the reducer of a shuffle reads them: into one slab, which lives until the last
   * of them is released. Null for those that are gone. Rejects with OUT_OF_MEMORY.
   */
  async pinSpilled(
    wanted: readonly { task: TaskRef; slice: number }[],
    beyond = false,
  ): Promise<(PinnedSlice | null)[]> {
    const found = wanted.map(({ task, slice }) => this.jobs.get(task.job)?.get(task.index)?.[slice]);
    for (const stored of found) if (stored !== undefined) stored.block.pins++; // Their files stay while they are read.
    const starts: number[] = [];
    let total = 0;
    for (const stored of found) {
      starts.push(total);
      total += alignUp(stored?.header.byteLength ?? 0);
    }
    let slab: Slab | null = null;
    try {
      slab = await this.give(total, beyond);
      const shared = sharedSlab(slab, wanted.length, this.memory);
      const pins = new Array<PinnedSlice | null>(wanted.length).fill(null);
      let next = 0;
      const lane = async (): Promise<void> => {
        for (let i = next++; i < wanted.length; i = next++) {
          pins[i] = await this.readInto(wanted[i]!.task, found[i], shared(), starts[i]!);
        }
      };
      await Promise.all(Array.from({ length: limits.readsInFlight }, lane));
      return pins;
    } finally {
      for (const stored of found) {
        if (stored === undefined) continue;
        stored.block.pins--;
        this.spiller.unpinned(stored.block);
      }
    }
  }

  /** One slice into its place of a shared slab. */
  private async readInto(
    task: TaskRef,
    stored: StoredSlice | undefined,
    { slab, release }: { slab: Slab; release: () => void },
    start: number,
  ): Promise<PinnedSlice | null> {
    if (stored === undefined) {
      release();
      return null;
    }
    const { header, block, offset } = stored;
    const bytes = slabBytes(slab).subarray(start, start + header.byteLength);
    try {
      const resident = residentBytes(block);
      if (resident !== null) bytes.set(resident.subarray(offset, offset + header.byteLength));
      else await this.readFile(block, offset, bytes, header);
      return { header, slab, arenaOffset: slab.offset + start, bytes, trusted: false, release };
    } catch (error) {
      release();
      this.loseSpilled(task, error as Error);
      return null;
    }
  }

  private give(byteLength: number, beyond: boolean): Slab | Promise<Slab> {
    return beyond ? this.memory.allocateBeyond(byteLength) : this.memory.allocate(byteLength);
  }

  private async readFile(
    block: Block,
    offset: number,
    into: Uint8Array,
    header: PartitionHeader,
  ): Promise<void> {
    await this.folder.read(block.file!, offset, into);
    if (checksumOf(into) !== header.checksum) throw new VolleyError('CORRUPT_PARTITION', 'wrong checksum');
  }

  private loseSpilled(task: TaskRef, error: Error): void {
    this.drop(task);
    this.onCorrupt(task, `spilled partition cannot be read back: ${error.message}`);
  }

  private borrowed(header: PartitionHeader, slab: Slab, bytes: Uint8Array): PinnedSlice {
    const { release } = sharedSlab(slab, 1, this.memory)();
    return { header, slab, arenaOffset: slab.offset, bytes, trusted: false, release };
  }
}
