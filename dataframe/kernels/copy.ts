import { memoryBehind, type WasmFunction, type WasmMemory } from '../../core/base/kernel-memory.js';
import { copyBytes, functionOver, giveBack, int, localsOf, statements } from '../codegen/wasm/assemble.js';
import type { Values } from '../column/column.js';

/** Bytes below which V8's own copy costs less than a call. */
const fewBytes = 2048;

const { get } = localsOf(['to', 'from', 'length']);
const copying = statements(copyBytes(get('to'), get('from'), get('length')), giveBack(int(0)));
const copiers = new WeakMap<WasmMemory, WasmFunction>();

/**
 * As target.set(source, at), for arrays of one kind. V8 copies memory that threads share by words where both sides lie
 * alike in them and else byte by byte, because JavaScript lets other threads look on; within a node's memory WebAssembly
 * copies as if nobody did, and nobody does.
 */
export function copyValues(target: Values, source: Values, at: number): void {
  const { buffer, byteLength } = source;
  const memory = byteLength < fewBytes || buffer !== target.buffer ? null : memoryBehind(buffer);
  if (memory === null) {
    target.set(source as never, at);
    return;
  }
  const start = at * target.BYTES_PER_ELEMENT;
  if (start + byteLength > target.byteLength) throw new RangeError('a copy goes beyond its target');
  let run = copiers.get(memory);
  if (run === undefined) copiers.set(memory, (run = functionOver(memory, 3, 0, copying)));
  run(target.byteOffset + start, source.byteOffset, byteLength);
}
