import { memoryBehind, type WasmFunction, type WasmMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import { copyBytes, functionOver, giveBack, int, localsOf, statements } from '../codegen/wasm/assemble.js';

/** Bytes from which it matters how they are copied. */
const worthIt = 256;

const { get } = localsOf(['to', 'from', 'length']);
const moving = statements(copyBytes(get('to'), get('from'), get('length')), giveBack(int(0)));
const movers = new WeakMap<WasmMemory, WasmFunction>();

/** Memory that no other thread sees, for what goes from one shared place to another; made when first needed. */
let stage: Uint8Array | null = null;

/**
 * target.set(source, at) for bytes that do not overlap. V8 moves what is shared eight bytes at a time only if both ends lie
 * alike within words of eight bytes, else one by one: 0.27 instead of 0.035 ns a byte. So within the memory of kernels
 * WebAssembly copies; otherwise a piece goes by way of memory that is not shared, where it is moved to lie as it should.
 */
export function copyInto(target: Uint8Array, at: number, source: Uint8Array): void {
  const to = target.byteOffset + at;
  const from = source.byteOffset;
  const toShared = target.buffer instanceof SharedArrayBuffer;
  const fromShared = source.buffer instanceof SharedArrayBuffer;
  if (source.length < worthIt || ((to ^ from) & 7) === 0 || !(toShared || fromShared)) {
    target.set(source, at);
    return;
  }
  if (at + source.length > target.length) throw new RangeError('more bytes than there is room for');
  const memory = target.buffer === source.buffer ? memoryBehind(target.buffer) : null;
  if (memory !== null) moverOf(memory)(to, from, source.length);
  else copyStaged(target, at, source, toShared, fromShared);
}

function moverOf(memory: WasmMemory): WasmFunction {
  let known = movers.get(memory);
  if (known === undefined) movers.set(memory, (known = functionOver(memory, 3, 0, moving)));
  return known;
}

function copyStaged(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  toShared: boolean,
  fromShared: boolean,
): void {
  stage ??= new Uint8Array(limits.copyStageBytes + 8);
  const out = (target.byteOffset + at) & 7;
  const arrived = fromShared ? source.byteOffset & 7 : out;
  const leaving = toShared ? out : arrived;
  for (let done = 0; done < source.length; done += limits.copyStageBytes) {
    const end = Math.min(source.length, done + limits.copyStageBytes);
    stage.set(source.subarray(done, end), arrived);
    if (leaving !== arrived) stage.copyWithin(leaving, arrived, arrived + end - done);
    target.set(stage.subarray(leaving, leaving + end - done), at + done);
  }
}
