import { blockBytes, checksumModule, firstFactor, lanes, multiplier, turn } from './checksum-kernel.js';
import { memoryBehind, orNull, type WasmFunction, wasm } from './kernel-memory.js';

/**
 * The checksum of partitions: 32 bits. Blocks of 64 KiB are each spread over 32 numbers, word by word; each number, then
 * the block, then the whole takes in what comes as (a ^ b) turned by 13 bits times an odd number. Everything is kept that
 * way unless two changes cancel out: one changed word is always found, anything else but once in four billion times.
 * As WebAssembly it runs at the memory's pace, six times as fast as zlib's CRC.
 */
export function checksumOf(bytes: Uint8Array): number {
  return addBlocks(0, bytes);
}

/** Sums up bytes that come piece by piece to where they stay. */
export class RunningChecksum {
  readonly #target: Uint8Array;
  #done = 0;
  #sum = 0;

  constructor(target: Uint8Array) {
    this.#target = target;
  }

  /** The first `end` bytes are in place. */
  advance(end: number): void {
    const whole = end === this.#target.byteLength ? end : end - (end % blockBytes);
    if (whole <= this.#done) return;
    this.#sum = addBlocks(this.#sum, this.#target.subarray(this.#done, whole));
    this.#done = whole;
  }

  /** Once all of them are. */
  get value(): number {
    return this.#sum;
  }
}

/** `bytes`: whole blocks, and the last one, which may be shorter. */
function addBlocks(sum: number, bytes: Uint8Array): number {
  if (bytes.byteLength === 0) return sum;
  const inPlace = kernelOver(bytes.buffer);
  if (inPlace !== null) return inPlace(bytes.byteOffset, bytes.byteLength, sum)! >>> 0;
  own ??= makeOwn();
  const { copy, run } = own;
  let next = sum;
  for (let at = 0; at < bytes.byteLength; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes);
    copy.set(block);
    next = run(0, block.byteLength, next)! >>> 0;
  }
  return next;
}

const kernels = new WeakMap<ArrayBufferLike, WasmFunction>();

/** null: the bytes are not in memory of WebAssembly. */
function kernelOver(buffer: ArrayBufferLike): WasmFunction | null {
  const known = kernels.get(buffer);
  if (known !== undefined) return known;
  const memory = memoryBehind(buffer);
  const module = memory === null ? null : checksumModule(true);
  if (memory === null || module === null) return null;
  const { run } = new wasm.Instance(module, { m: { m: memory } }).exports;
  kernels.set(buffer, run);
  return run;
}

/** A block of memory of this thread, and what sums it up. */
interface Own {
  readonly copy: Uint8Array;
  readonly run: WasmFunction;
}

let own: Own | null = null;

function makeOwn(): Own {
  const module = checksumModule(false);
  const memory = module === null ? null : orNull(() => new wasm.Memory({ initial: 1, maximum: 1 }));
  if (module === null || memory === null) return plainChecksum();
  const { run } = new wasm.Instance(module, { m: { m: memory } }).exports;
  return { copy: new Uint8Array(memory.buffer), run };
}

const mixed = (a: number, b: number): number => {
  const x = a ^ b;
  return Math.imul((x << turn) | (x >>> (32 - turn)), multiplier);
};

/** The same without WebAssembly. */
export function plainChecksum(): Own {
  const copy = new Uint8Array(blockBytes);
  const words = new Int32Array(copy.buffer);
  const sums = new Int32Array(lanes);
  const run = (_at: number, length: number, sum: number): number => {
    for (let k = 0; k < lanes; k++) sums[k] = Math.imul((k >> 2) + 1, firstFactor);
    const striped = Math.floor(length / (4 * lanes)) * lanes;
    for (let w = 0; w < striped; w++) sums[w % lanes] = mixed(sums[w % lanes]!, words[w]!);
    for (let k = 4; k < lanes; k++) sums[k & 3] = mixed(sums[k & 3]!, sums[k]!);
    let rest = length - 4 * striped;
    for (let k = 0; k < 4; k++) rest = mixed(rest, sums[k]!);
    for (let i = 4 * striped; i < length; i++) rest = mixed(rest, copy[i]!);
    return mixed(sum, rest);
  };
  return { copy, run: run as WasmFunction };
}
