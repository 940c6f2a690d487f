import { assert } from '../../core/base/assert.js';
import { limits } from '../../core/base/limits.js';
import { type Block, heapBytes, residentBytes, type StoredSlice, seal } from './block.js';
import type { MemoryBudget } from './memory.js';
import type { Slab } from './slabs.js';
import type { SpillFolder } from './spill.js';

/** Owns the life of blocks: least recently used first out to disk while memory is over its target. */
export class Spiller {
  spilledBytes = 0;
  private readonly memory: MemoryBudget;
  private readonly folder: SpillFolder;
  /** Resident blocks, least recently used first; the slices are for the file's header. */
  private readonly resident = new Map<Block, readonly StoredSlice[]>();
  private readonly spilled = new Map<Block, readonly StoredSlice[]>();
  private running: Promise<void> | null = null;
  private closed = false;

  constructor(memory: MemoryBudget, folder: SpillFolder) {
    this.memory = memory;
    this.folder = folder;
  }

  add(block: Block, slices: readonly StoredSlice[]): void {
    this.resident.set(block, slices);
    if (this.wanted()) this.wake();
  }

  touch(block: Block): void {
    const slices = this.resident.get(block);
    if (slices === undefined) return;
    this.resident.delete(block);
    this.resident.set(block, slices);
  }

  /** Its bytes are in memory again. The file stays: other readers may have it open, and to spill it again costs nothing. */
  restored(block: Block, slab: Slab): void {
    const slices = this.spilled.get(block);
    assert(slices !== undefined && block.slab === null, 'a spilled block is restored');
    block.slab = slab;
    block.trusted = false;
    this.spilled.delete(block);
    this.spilledBytes -= block.byteLength;
    this.add(block, slices);
  }

  /** Out of the table: freed now, or with the last pin. */
  drop(block: Block): void {
    block.dropped = true;
    if (block.pins === 0) this.freeAll(block);
  }

  unpinned(block: Block): void {
    if (block.pins > 0) return;
    if (block.dropped) this.freeAll(block);
    else if (this.wanted()) this.wake();
  }

  /** Starts to spill, if it does not already. */
  wake(): void {
    if (this.running !== null || this.closed) return;
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.running;
  }

  private wanted(): boolean {
    return this.memory.level > limits.memorySpillShare || this.memory.waiters > 0;
  }

  private async run(): Promise<void> {
    await null; // Whoever woke it is done first, and `running` is set.
    try {
      while (this.wanted() && !this.closed) {
        const block = this.victim();
        if (block === null) {
          this.memory.serveScattered();
          return;
        }
        if (!(await this.spillOut(block))) return;
      }
    } finally {
      this.running = null; // In the same turn as the decision to stop, so that no call to wake is lost.
    }
  }

  private victim(): Block | null {
    for (const block of this.resident.keys()) {
      if (block.pins === 0 && block.byteLength >= limits.spillMinBytes) return block;
    }
    return null;
  }

  /** False when nothing can be written now: memory stays as it is, and whoever waits for it is told in time. */
  private async spillOut(block: Block): Promise<boolean> {
    const slices = this.resident.get(block)!;
    if (block.file === null) {
      block.pins++; // Not freed under the write.
      try {
        const bytes = residentBytes(block)!;
        for (const slice of slices) await seal(slice, bytes);
        block.file = await this.folder.write(fileHeader(slices), bytes);
      } catch {
        this.touch(block);
        return false;
      } finally {
        block.pins--;
      }
    }
    if (block.dropped) {
      if (block.pins === 0) this.freeAll(block);
    } else if (block.pins > 0) {
      this.touch(block); // Read meanwhile: it is not the least recently used any more.
    } else {
      this.resident.delete(block);
      this.spilled.set(block, slices);
      this.spilledBytes += block.byteLength;
      this.freeMemory(block);
    }
    return true;
  }

  private freeAll(block: Block): void {
    this.resident.delete(block);
    this.removeFile(block);
    this.spilled.delete(block);
    this.freeMemory(block);
  }

  private freeMemory(block: Block): void {
    const { slab, bytes } = block;
    block.slab = null;
    block.bytes = null;
    if (slab !== null) this.memory.free(slab);
    if (bytes !== null) this.memory.refundHeap(heapBytes(bytes));
  }

  private removeFile(block: Block): void {
    const { file } = block;
    if (file === null) return;
    block.file = null;
    if (this.spilled.has(block)) this.spilledBytes -= block.byteLength;
    this.folder.remove(file).catch(() => {}); // The folder is removed as a whole at close.
  }
}

/** What the file says of itself, for people who look at it: JSON. The bytes follow. */
function fileHeader(slices: readonly StoredSlice[]): Uint8Array {
  const described = slices.map(({ header, offset }) => ({
    rows: header.rows,
    byteLength: header.byteLength,
    checksum: header.checksum,
    offset,
    meta: Buffer.from(header.meta).toString('base64'),
  }));
  return Buffer.from(JSON.stringify(described));
}
