import { assert } from '../../core/base/assert.js';
import { Extents } from '../../core/base/extents.js';
import { allocateShared, bufferOf, type WasmMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';

/** Rounds up to the alignment of slabs. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / limits.alignment) * limits.alignment;
}

/** Memory of a fixed length and what of it is free. Allocated by the engine's main thread only. */
export class Arena {
  readonly id: number;
  /** What threads are given. */
  readonly memory: WasmMemory | SharedArrayBuffer;
  readonly buffer: SharedArrayBuffer;
  private readonly free: Extents;

  /** `lanes`: those that kernels run in over this memory. */
  constructor(id: number, byteLength: number, lanes = 0) {
    assert(byteLength % limits.alignment === 0, 'an arena is a whole number of cache lines');
    this.id = id;
    this.memory = allocateShared(byteLength, lanes);
    this.buffer = bufferOf(this.memory);
    this.free = new Extents(byteLength);
  }

  /** Of slabs: what lies behind in the buffer is the lanes'. */
  get byteLength(): number {
    return this.free.byteLength;
  }

  get freeBytes(): number {
    return this.free.freeBytes;
  }

  get empty(): boolean {
    return this.free.empty;
  }

  /**
   * Takes `byteLength` bytes (a multiple of the alignment, above 0); -1 when no extent is long enough. Small runs come
   * from the front and large ones from the end: short-lived inputs of shuffles do not break up the room of partitions.
   */
  take(byteLength: number): number {
    if (byteLength > this.freeBytes) return -1;
    return byteLength < limits.largeSlabBytes
      ? this.free.takeFirst(byteLength)
      : this.free.takeLast(byteLength);
  }

  /** Gives an extent back. */
  give(offset: number, byteLength: number): void {
    this.free.give(offset, byteLength);
  }

  /** Free extents, for tests: [offset, length] pairs in order. */
  extents(): [number, number][] {
    return this.free.list();
  }
}
