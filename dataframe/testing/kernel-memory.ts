import { allocateNodeMemory, shareNodeMemory, workFor } from '../../core/base/kernel-memory.js';

/** As in a pool: what tasks work in lies behind, where addresses do not fit an Int32. */
const usualSlabs = 3 * 1024 ** 3;

/**
 * From now on this thread works like one of a pool, for the last of `lanes`: kernels and scratch memory are in memory of WebAssembly.
 * @returns the part of it that slabs lie in
 */
export function workInKernelMemory(scratchBytes: number, slabBytes = usualSlabs, lanes = 1): Uint8Array {
  const node = allocateNodeMemory(slabBytes, lanes, scratchBytes)!;
  shareNodeMemory(node);
  workFor(lanes - 1);
  return new Uint8Array(node.memory.buffer, 0, node.slabBytes);
}
