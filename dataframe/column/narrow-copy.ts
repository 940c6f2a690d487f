import { memoryBehind, type WasmFunction, type WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  localsOf,
  ltU,
  mul,
  statements,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import { loadVector, mixed, storeVector } from '../codegen/wasm/vector-code.js';
import { hasVectors } from '../codegen/wasm/vectors.js';
import type { Values } from './column.js';

/** Values of one step. */
const step = 16;
/** Fewer are copied before a kernel is called. */
const fewValues = 1024;

/**
 * target.set(source), from four bytes a value to one or two: the lowest ones. V8 takes 1.6 nanoseconds a value of memory that
 * threads share.
 */
export function copyNarrow(target: Values, source: Values): void {
  const { length } = source;
  const memory = target.buffer === source.buffer ? memoryBehind(target.buffer) : null;
  const narrow = target.BYTES_PER_ELEMENT;
  const fits = source.BYTES_PER_ELEMENT === 4 && narrow < 4 && target.length >= length;
  if (memory === null || !fits || length < fewValues || !hasVectors()) {
    target.set(source as never);
    return;
  }
  const done = length - (length % step);
  const copy = functionFor(memory, `narrow ${narrow}`, () => makeCopier(memory, narrow));
  copy(target.byteOffset, source.byteOffset, done);
  target.set(source.subarray(done) as never, done);
}

/** copy(target, source, values) */
function makeCopier(memory: WasmMemory, narrow: number): WasmFunction {
  const { get, set } = localsOf(['target', 'source', 'values', 'end']);
  const loaded = [0, 16, 32, 48].map(offset => loadVector(get('source'), offset));
  const written = narrow === 2 ? halved(loaded, 4) : halved(halved(loaded, 4), 2);
  const body = statements(
    set('end', add(get('source'), mul(get('values'), int(4)))),
    whileTrue(
      ltU(get('source'), get('end')),
      statements(
        ...written.map((vector, v) => storeVector(get('target'), vector, 16 * v)),
        set('target', add(get('target'), int(step * narrow))),
        set('source', add(get('source'), int(step * 4))),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 3, 1, body);
}

/** Two vectors of numbers of `size` bytes each become one of the lower halves of those. */
function halved(vectors: readonly Code[], size: number): Code[] {
  const kept = Array.from({ length: 32 }, (_, byte) => byte).filter(byte => byte % size < size / 2);
  return vectors.flatMap((first, v) => (v % 2 === 0 ? [mixed(first, vectors[v + 1]!, kept)] : []));
}
