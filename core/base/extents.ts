import { assert } from './assert.js';

/** Free extents of some memory: sorted by offset, never empty, never adjacent. A freed extent merges with its neighbours. */
export class Extents {
  readonly byteLength: number;
  freeBytes: number;
  private readonly offsets: number[] = [0];
  private readonly lengths: number[];

  constructor(byteLength: number) {
    this.byteLength = byteLength;
    this.freeBytes = byteLength;
    this.lengths = [byteLength];
  }

  get empty(): boolean {
    return this.freeBytes === this.byteLength;
  }

  /** From the back of the last extent that is long enough; -1 when none is. */
  takeLast(byteLength: number): number {
    const { offsets, lengths } = this;
    for (let i = offsets.length - 1; i >= 0; i--) {
      const left = lengths[i]! - byteLength;
      if (left < 0) continue;
      const offset = offsets[i]! + left;
      lengths[i] = left;
      if (left === 0) this.remove(i);
      this.freeBytes -= byteLength;
      return offset;
    }
    return -1;
  }

  /** From the front of the first extent that is long enough; -1 when none is. */
  takeFirst(byteLength: number): number {
    const { offsets, lengths } = this;
    for (let i = 0; i < offsets.length; i++) {
      const length = lengths[i]!;
      if (length < byteLength) continue;
      const offset = offsets[i]!;
      if (length === byteLength) this.remove(i);
      else {
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
    assert(end <= this.byteLength, 'an extent lies inside its memory');
    assert(before < 0 || offsets[before]! + lengths[before]! <= offset, 'an extent is given back once');
    assert(at >= offsets.length || end <= offsets[at]!, 'an extent is given back once');
    const joinsBefore = before >= 0 && offsets[before]! + lengths[before]! === offset;
    const joinsAfter = at < offsets.length && offsets[at] === end;
    if (joinsBefore && joinsAfter) {
      lengths[before] = lengths[before]! + byteLength + lengths[at]!;
      this.remove(at);
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

  /** All is free again. */
  clear(): void {
    this.offsets.splice(0, this.offsets.length, 0);
    this.lengths.splice(0, this.lengths.length, this.byteLength);
    this.freeBytes = this.byteLength;
  }

  /** For tests: [offset, length] pairs in order. */
  list(): [number, number][] {
    return this.offsets.map((offset, i) => [offset, this.lengths[i]!]);
  }

  private remove(i: number): void {
    this.offsets.splice(i, 1);
    this.lengths.splice(i, 1);
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
