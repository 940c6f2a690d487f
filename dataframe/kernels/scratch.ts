import { limits } from '../../core/base/limits.js';

/**
 * Numbers that were used and given back, for the next task of this thread: touching new memory costs ten times as much
 * as zeroing what was touched before.
 */
const kept: Float64Array[] = [];
let keptBytes = 0;

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
  if (array.length === 0 || array.byteLength > limits.scratchBytes) return;
  kept.push(array);
  keptBytes += array.byteLength;
  while (keptBytes > limits.scratchBytes) keptBytes -= kept.shift()!.byteLength;
}
