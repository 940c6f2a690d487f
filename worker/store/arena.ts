import { assert } from '../../core/base/assert.js';
import { Extents } from '../../core/base/extents.js';
import { limits } from '../../core/base/limits.js';

/** Rounds up to the alignment of slabs. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / limits.alignment) * limits.alignment;
}

/** `byteLength` bytes of a buffer, from `start` on, and what of them is free. */
export class Arena {
  readonly id: number;
  readonly buffer: SharedArrayBuffer;
  readonly start: number;
  private readonly free: Extents;

  constructor(id: number, byteLength: number, buffer = new SharedArrayBuffer(byteLength), start = 0) {
    assert(byteLength % limits.alignment === 0, 'an arena is a whole number of cache lines');
    this.id = id;
    this.buffer = buffer;
    this.start = start;
    this.free = new Extents(byteLength);
  }

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
   * Takes `byteLength` bytes (a multiple of the alignment, above 0) and gives their place in the buffer; -1 when no extent is
   * long enough. Small runs come from the front and large ones from the end: short-lived inputs of shuffles do not break up
   * the room of partitions.
   */
  take(byteLength: number): number {
    if (byteLength > this.freeBytes) return -1;
    const offset =
      byteLength < limits.largeSlabBytes ? this.free.takeFirst(byteLength) : this.free.takeLast(byteLength);
    return offset < 0 ? -1 : this.start + offset;
  }

  /** Gives back what was taken. */
  give(offset: number, byteLength: number): void {
    this.free.give(offset - this.start, byteLength);
  }

  /** Free extents, for tests: [offset, length] pairs in order. */
  extents(): [number, number][] {
    return this.free.list();
  }
}
