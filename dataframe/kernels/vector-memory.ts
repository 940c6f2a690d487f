import { kernelMemory, type WasmMemory } from '../../core/base/kernel-memory.js';
import { hasVectors } from '../codegen/wasm/vectors.js';

/** This thread's memory, where all arrays lie in it and the processor has vectors; else null. */
export function vectorMemoryOf(...arrays: readonly ArrayBufferView[]): WasmMemory | null {
  const home = kernelMemory();
  if (home === null || !hasVectors() || arrays.some(({ buffer }) => buffer !== home.buffer)) return null;
  return home.memory;
}
