import { collectGarbage } from '../../core/base/collect-garbage.js';
import { limits } from '../../core/base/limits.js';

/** Bytes below which new memory is as cheap. */
export const fewBytes = 16 * 1024;

/**
 * Numbers that were used and given back, for the next task of this thread: touching new memory costs ten times as much
 * as zeroing what was touched before.
 */
const kept: Float64Array[] = [];
let keptBytes = 0;
/** Let go since the last collection. */
let droppedBytes = 0;
/** Of this thread, which knows its node's memory when it starts. */
let mostBytes: number = limits.scratchBytes;

/** From now on no more than `bytes` are kept, nor more than limits.scratchBytes. */
export function keepAtMost(bytes: number): void {
  mostBytes = Math.min(bytes, limits.scratchBytes);
}

/** At least `length` numbers, all 0 unless `zeroed` is false. */
export function takeNumbers(length: number, zeroed = true): Float64Array {
  let best = -1;
  kept.forEach((array, k) => {
    if (array.length >= length && (best < 0 || array.length < kept[best]!.length)) best = k;
  });
  // A far larger one is left for who needs it.
  if (best < 0 || kept[best]!.length > 8 * length + 1024) return new Float64Array(length);
  const [array] = kept.splice(best, 1) as [Float64Array];
  keptBytes -= array.byteLength;
  if (zeroed) array.fill(0, 0, length);
  return array;
}

export function giveNumbers(array: Float64Array): void {
  if (array.length === 0) return;
  kept.push(array);
  keptBytes += array.byteLength;
  while (keptBytes > mostBytes) drop(kept.shift()!.byteLength);
}

/** Where memory is short, what is let go must not wait for V8, which sees little of it. */
function drop(bytes: number): void {
  keptBytes -= bytes;
  droppedBytes += bytes;
  if (mostBytes === limits.scratchBytes || droppedBytes < limits.scratchBytes / 2) return;
  droppedBytes = 0;
  collectGarbage();
}

/** As takeNumbers. */
export function takeInts(length: number, zeroed = true): Int32Array {
  if (length * 4 < fewBytes) return new Int32Array(length);
  const { buffer, byteOffset } = takeNumbers(Math.ceil(length / 2), zeroed);
  return new Int32Array(buffer, byteOffset, length);
}

/** Of takeInts, when nobody looks at them any more. */
export function giveInts(ints: Int32Array): void {
  if (ints.byteLength >= fewBytes) giveNumbers(new Float64Array(ints.buffer));
}
