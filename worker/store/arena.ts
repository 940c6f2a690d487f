import { assert } from '../../core/base/assert.js';
import { limits } from '../../core/base/limits.js';

/** Rounds up to the alignment of slabs. */
export function alignUp(bytes: number): number {
  return Math.ceil(bytes / limits.alignment) * limits.alignment;
}

/**
 * One fixed-length SharedArrayBuffer and its free extents: sorted by offset, never empty, never adjacent.
 * First fit from either end; a freed extent merges with its neighbours. Allocated by the engine's main thread only.
 */
export class Arena {
  readonly id: number;
  readonly buffer: SharedArrayBuffer;
  freeBytes: number;
  private readonly offsets: number[] = [0];
  private readonly lengths: number[];

  constructor(id: number, byteLength: number) {
    assert(byteLength % limits.alignment === 0, 'an arena is a whole number of cache lines');
    this.id = id;
    this.buffer = new SharedArrayBuffer(byteLength);
    this.freeBytes = byteLength;
    this.lengths = [byteLength];
  }

  get byteLength(): number {
    return this.buffer.byteLength;
  }

  get empty(): boolean {
    return this.freeBytes === this.buffer.byteLength;
  }

  /**
   * Takes `byteLength` bytes (a multiple of the alignment, above 0); -1 when no extent is long enough. Small runs come
   * from the front and large ones from the end: short-lived inputs of shuffles do not break up the room of partitions.
   */
  take(byteLength: number): number {
    if (byteLength > this.freeBytes) return -1;
    return byteLength < limits.largeSlabBytes ? this.takeFirst(byteLength) : this.takeLast(byteLength);
  }

  private takeLast(byteLength: number): number {
    const { offsets, lengths } = this;
    for (let i = offsets.length - 1; i >= 0; i--) {
      const left = lengths[i]! - byteLength;
      if (left < 0) continue;
      const offset = offsets[i]! + left;
      lengths[i] = left;
      if (left === 0) {
        offsets.splice(i, 1);
        lengths.splice(i, 1);
      }
      this.freeBytes -= byteLength;
      return offset;
    }
    return -1;
  }

  private takeFirst(byteLength: number): number {
    const { offsets, lengths } = this;
    for (let i = 0; i < offsets.length; i++) {
      const length = lengths[i]!;
      if (length < byteLength) continue;
      const offset = offsets[i]!;
      if (length === byteLength) {
        offsets.splice(i, 1);
        lengths.splice(i, 1);
      } else {
        offsets[i] = offset + byteLength;
        lengths[i] = length - byteLength;
      }
      this.freeBytes -= byteLength;
      return offset;
    }
    return -1;
  }

  /** Gives an extent back. */
  give(offset: number, byteLength: number): void {
    const { offsets, lengths } = this;
    const at = this.firstAfter(offset);
    const before = at - 1;
    const end = offset + byteLength;
    assert(end <= this.byteLength, 'an extent lies inside its arena');
    assert(before < 0 || offsets[before]! + lengths[before]! <= offset, 'an extent is given back once');
    assert(at >= offsets.length || end <= offsets[at]!, 'an extent is given back once');
    const joinsBefore = before >= 0 && offsets[before]! + lengths[before]! === offset;
    const joinsAfter = at < offsets.length && offsets[at] === end;
    if (joinsBefore && joinsAfter) {
      lengths[before] = lengths[before]! + byteLength + lengths[at]!;
      offsets.splice(at, 1);
      lengths.splice(at, 1);
    } else if (joinsBefore) {
      lengths[before] = lengths[before]! + byteLength;
    } else if (joinsAfter) {
      offsets[at] = offset;
      lengths[at] = lengths[at]! + byteLength;
    } else {
      offsets.splice(at, 0, offset);
      lengths.splice(at, 0, byteLength);
    }
    this.freeBytes += byteLength;
  }

  /** Free extents, for tests: [offset, length] pairs in order. */
  extents(): [number, number][] {
    return this.offsets.map((offset, i) => [offset, this.lengths[i]!]);
  }

  private firstAfter(offset: number): number {
    let low = 0;
    let high = this.offsets.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
