import { collectGarbage } from '../../core/base/collect-garbage.js';
import { Extents } from '../../core/base/extents.js';
import { type KernelMemory, kernelMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import {
  fillBytes,
  functionFor,
  functionOver,
  giveBack,
  int,
  localsOf,
  statements,
} from '../codegen/wasm/assemble.js';

/** Bytes below which new memory is as cheap. */
export const fewBytes = 16 * 1024;

/** What is free of the lane's scratch memory; touching new memory costs ten times as much as zeroing what was touched before. */
let free: Extents | null = null;
/** Where that is. */
let home: KernelMemory | null = null;

/**
 * Numbers that were used and given back, where there is no such memory or it is full.
 */
const kept: Float64Array[] = [];
let keptBytes = 0;
/** Let go since the last collection. */
let droppedBytes = 0;
/** Of this thread, which knows its node's memory when it starts. */
let mostBytes: number = limits.keptBytes;

/** From now on no more than `bytes` are kept. */
export function keepAtMost(bytes: number): void {
  mostBytes = bytes;
}

/** Tasks that work in this thread: a thread that was just started may run its first beside its warm-up. */
let working = 0;

/** A task begins; `endScratch` ends it, whatever became of it. What it has not given back by then is free. */
export function beginScratch(): void {
  working++;
}

export function endScratch(): void {
  if (--working === 0) free?.clear();
}

/** Offset of so many bytes in the lane's memory; -1 when there is no room, or no such memory. */
function takePlace(byteLength: number): number {
  const now = kernelMemory();
  if (now === null) return -1;
  if (now !== home) {
    home = now;
    if (free?.byteLength !== now.scratchBytes) free = new Extents(now.scratchBytes);
  }
  const offset = free!.takeFirst(byteLength);
  return offset < 0 ? -1 : now.scratch + offset;
}

/** `length` numbers or more, all 0 unless `zeroed` is false. */
export function takeNumbers(length: number, zeroed = true): Float64Array {
  const offset = length === 0 ? -1 : takePlace(sizeOf(length));
  if (offset < 0) return takeKept(length, zeroed);
  const array = new Float64Array(home!.buffer, offset, length);
  if (zeroed) fill(array, 0);
  return array;
}

const { get } = localsOf(['to', 'byte', 'length']);
const filling = statements(fillBytes(get('to'), get('byte'), get('length')), giveBack(int(0)));

/**
 * Sets every byte. V8 fills memory that threads share number by number, in six times as long, because JavaScript lets other
 * threads look on; what is lent is nobody else's.
 */
export function fill(array: Float64Array | Int32Array | Uint8Array, byte: 0 | 255): void {
  if (array.buffer !== home?.buffer || array.byteLength < fewBytes) {
    array.fill(byte === 0 ? 0 : -1);
    return;
  }
  const { memory } = home;
  const run = functionFor(memory, 'fill', () => functionOver(memory, 3, 0, filling));
  run(array.byteOffset, byte, array.byteLength);
}

export function giveNumbers(array: Float64Array): void {
  if (array.length === 0) return;
  if (array.buffer === home?.buffer) free!.give(array.byteOffset - home.scratch, sizeOf(array.length));
  else giveKept(array);
}

function sizeOf(length: number): number {
  return Math.ceil((length * 8) / limits.alignment) * limits.alignment;
}

function takeKept(length: number, zeroed: boolean): Float64Array {
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

function giveKept(array: Float64Array): void {
  kept.push(array);
  keptBytes += array.byteLength;
  while (keptBytes > mostBytes) {
    const { byteLength } = kept.shift()!;
    keptBytes -= byteLength;
    letGo(byteLength);
  }
}

/** So many bytes of buffers are garbage. Where memory is short, that must not wait for V8, which sees little of it. */
export function letGo(bytes: number): void {
  droppedBytes += bytes;
  if (mostBytes === limits.keptBytes || droppedBytes < mostBytes) return;
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
  if (ints.byteLength < fewBytes) return;
  const { buffer, byteOffset, length } = ints;
  const numbers = buffer === home?.buffer ? Math.ceil(length / 2) : (buffer.byteLength - byteOffset) / 8;
  giveNumbers(new Float64Array(buffer, byteOffset, numbers));
}
