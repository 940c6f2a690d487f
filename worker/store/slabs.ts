import { assert } from '../../core/base/assert.js';
import { Extents } from '../../core/base/extents.js';
import type { NodeMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import { Arena, alignUp } from './arena.js';

/** A run of arena memory with one owner. `byteLength` is what was asked for; the arena gave up to 63 bytes more. */
export interface Slab {
  readonly arena: Arena;
  readonly offset: number;
  /** Less once it was trimmed. */
  byteLength: number;
  freed: boolean;
}

/** The bytes of a slab, shared with every thread that maps its arena. */
export function slabBytes(slab: Slab): Uint8Array {
  assert(!slab.freed, 'a freed slab is not read');
  return new Uint8Array(slab.arena.buffer, slab.offset, slab.byteLength);
}

/**
 * Carves slabs out of arenas within a byte budget, and arenas out of the memory that kernels run over, as long as there is
 * room: beyond its 4 GiB they have buffers of their own, from which kernels have their rows copied. V8 does not see shared
 * memory, so nothing here is left to the collector: every byte is given back by `free`. Memory is reused without zeroing.
 */
export class SlabAllocator {
  /** Bytes of live slabs, alignment included. */
  usedBytes = 0;
  /** Bytes of all arenas of the budget. */
  arenaBytes = 0;
  readonly budgetBytes: number;
  private readonly arenas = new Map<number, Arena>();
  /** Those beside the budget: dropped when they are empty, and until then nothing of the budget is put there. */
  private readonly beside = new Set<Arena>();
  private readonly onDrop: (arena: number) => void;
  private readonly node: SharedArrayBuffer | null;
  /** What of it is no arena. */
  private readonly room: Extents;
  private nextArena = 1;

  /** `onDrop`: threads must forget this arena, or its memory stays. */
  constructor(
    budgetBytes: number,
    onDrop: (arena: number) => void = () => {},
    node: NodeMemory | null = null,
  ) {
    this.budgetBytes = Math.max(limits.alignment, alignUp(budgetBytes));
    this.onDrop = onDrop;
    this.node = node?.memory.buffer ?? null;
    this.room = new Extents(node?.slabBytes ?? 0);
  }

  /** Whether threads have its buffer from their start on. */
  isOfNode(arena: Arena): boolean {
    return arena.buffer === this.node;
  }

  arena(id: number): Arena | undefined {
    return this.arenas.get(id);
  }

  /**
   * Null when nothing fits now. More than `budgetBytes` never does. `scattered`: what is free lies in pieces that are too
   * small, and nobody can be asked to give more: an arena of its own, dropped when it is empty.
   */
  allocate(byteLength: number, scattered = false): Slab | null {
    const size = Math.max(limits.alignment, alignUp(byteLength));
    if (this.usedBytes + size > this.budgetBytes) return null;
    for (const arena of this.arenas.values()) {
      const offset = this.beside.has(arena) ? -1 : arena.take(size);
      if (offset >= 0) return this.slab(arena, offset, byteLength, size);
    }
    const fresh = this.grow(size) ?? (scattered ? this.addBeside(size) : null);
    return fresh === null ? null : this.slab(fresh, fresh.take(size), byteLength, size);
  }

  /** Beside the budget: where an arena is free, which costs no memory, or in one of its own that is dropped with it. */
  allocateBeyond(byteLength: number): Slab {
    const size = Math.max(limits.alignment, alignUp(byteLength));
    for (const arena of this.arenas.values()) {
      const offset = arena.take(size);
      if (offset >= 0) return this.slab(arena, offset, byteLength, size);
    }
    const arena = this.addBeside(size);
    return this.slab(arena, arena.take(size), byteLength, size);
  }

  free(slab: Slab): void {
    assert(!slab.freed, 'a slab is freed once');
    slab.freed = true;
    const size = Math.max(limits.alignment, alignUp(slab.byteLength));
    slab.arena.give(slab.offset, size);
    this.usedBytes -= size;
    if (slab.arena.empty && this.beside.has(slab.arena)) this.drop(slab.arena);
  }

  /** Gives back what lies behind the first `byteLength` bytes; false when that is less than a line. */
  trim(slab: Slab, byteLength: number): boolean {
    assert(!slab.freed && byteLength <= slab.byteLength, 'a slab is cut while it is in use');
    const size = Math.max(limits.alignment, alignUp(slab.byteLength));
    const kept = Math.max(limits.alignment, alignUp(byteLength));
    if (kept === size) return false;
    slab.arena.give(slab.offset + kept, size - kept);
    this.usedBytes -= size - kept;
    slab.byteLength = byteLength;
    return true;
  }

  /** Drops all arenas. */
  close(): void {
    for (const arena of [...this.arenas.values()]) this.drop(arena);
  }

  private slab(arena: Arena, offset: number, byteLength: number, size: number): Slab {
    assert(offset >= 0, 'a fresh arena has room');
    this.usedBytes += size;
    return { arena, offset, byteLength, freed: false };
  }

  /** A new arena with room for `size`; empty ones make way for it when the budget is used up. */
  private grow(size: number): Arena | null {
    const wanted = Math.ceil(size / limits.arenaBytes) * limits.arenaBytes;
    if (this.arenaBytes + size > this.budgetBytes) {
      for (const arena of [...this.arenas.values()]) {
        if (this.arenaBytes + size <= this.budgetBytes) break;
        if (arena.empty && !this.beside.has(arena)) this.drop(arena);
      }
      if (this.arenaBytes + size > this.budgetBytes) return null;
    }
    const byteLength = Math.min(wanted, this.budgetBytes - this.arenaBytes);
    this.arenaBytes += byteLength;
    return this.add(byteLength);
  }

  private addBeside(byteLength: number): Arena {
    const arena = this.add(byteLength);
    this.beside.add(arena);
    return arena;
  }

  private add(byteLength: number): Arena {
    const id = this.nextArena++;
    const start = this.node === null ? -1 : this.room.takeFirst(byteLength);
    const arena = start < 0 ? new Arena(id, byteLength) : new Arena(id, byteLength, this.node!, start);
    this.arenas.set(arena.id, arena);
    return arena;
  }

  private drop(arena: Arena): void {
    this.arenas.delete(arena.id);
    if (!this.beside.delete(arena)) this.arenaBytes -= arena.byteLength;
    if (this.isOfNode(arena)) this.room.give(arena.start, arena.byteLength);
    this.onDrop(arena.id);
  }
}
