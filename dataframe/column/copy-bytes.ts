import { memoryBehind, type WasmFunction, type WasmMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import {
  copyBytes,
  functionFor,
  functionOver,
  giveBack,
  int,
  localsOf,
  statements,
} from '../codegen/wasm/assemble.js';
import type { Values } from './column.js';

/** Bytes below which V8's own copy costs less than another: where it copies words, and where bytes one by one. */
const fewInWords = 2048;
const fewInBytes = 256;

const { get } = localsOf(['to', 'from', 'length']);
const moving = statements(copyBytes(get('to'), get('from'), get('length')), giveBack(int(0)));
const movers = new WeakMap<WasmMemory, WasmFunction>();

/** Memory that no other thread sees, for what goes from one shared place to another; made when first needed. */
let stage: Uint8Array | null = null;

/**
 * target.set(source, at), for arrays of one kind that do not overlap. V8 moves what threads share by words of eight bytes only
 * if both ends lie alike within them, else byte by byte (0.27 instead of 0.035 ns a byte), because JavaScript lets other threads
 * look on. So within the memory of kernels WebAssembly copies, as if nobody did, and nobody does; otherwise a piece goes by way of
 * memory that is not shared, where it is moved to lie as it should.
 */
export function copyInto(target: Values, at: number, source: Values): void {
  const { byteLength } = source;
  const start = at * target.BYTES_PER_ELEMENT;
  const to = target.byteOffset + start;
  const from = source.byteOffset;
  const inWords = ((to ^ from) & 7) === 0;
  const memory = target.buffer === source.buffer ? memoryBehind(target.buffer) : null;
  if (
    byteLength < (inWords ? fewInWords : fewInBytes) ||
    (memory === null && (inWords || !isShared(target, source)))
  ) {
    target.set(source as never, at);
    return;
  }
  if (start + byteLength > target.byteLength) throw new RangeError('a copy goes beyond its target');
  if (memory !== null) moverOf(memory)(to, from, byteLength);
  else
    copyStaged(
      new Uint8Array(target.buffer, to, byteLength),
      new Uint8Array(source.buffer, from, byteLength),
    );
}

function isShared(...arrays: readonly Values[]): boolean {
  return arrays.some(({ buffer }) => buffer instanceof SharedArrayBuffer);
}

function moverOf(memory: WasmMemory): WasmFunction {
  let known = movers.get(memory);
  if (known === undefined) {
    known = functionFor(memory, 'move bytes', () => functionOver(memory, 3, 0, moving));
    movers.set(memory, known);
  }
  return known;
}

function copyStaged(target: Uint8Array, source: Uint8Array): void {
  stage ??= new Uint8Array(limits.copyStageBytes + 8);
  const out = target.byteOffset & 7;
  const arrived = isShared(source) ? source.byteOffset & 7 : out;
  const leaving = isShared(target) ? out : arrived;
  for (let done = 0; done < source.length; done += limits.copyStageBytes) {
    const end = Math.min(source.length, done + limits.copyStageBytes);
    stage.set(source.subarray(done, end), arrived);
    if (leaving !== arrived) stage.copyWithin(leaving, arrived, arrived + end - done);
    target.set(stage.subarray(leaving, leaving + end - done), done);
  }
}
