import { limits } from './limits.js';

/** The part of WebAssembly's interface that is used: TypeScript declares it for browsers only. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports?: { readonly m: { readonly m: WasmMemory<ArrayBufferLike> } },
  ) => { readonly exports: { readonly run: WasmFunction } };
  readonly RuntimeError: new (message: string) => Error;
  readonly Memory: {
    new (sizes: { readonly initial: number; readonly maximum: number }): WasmMemory<ArrayBuffer>;
    new (sizes: { readonly initial: number; readonly maximum: number; readonly shared: true }): WasmMemory;
  };
}

export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}

export interface WasmMemory<Buffer extends ArrayBufferLike = SharedArrayBuffer> {
  readonly buffer: Buffer;
}

export type WasmFunction = (...args: readonly number[]) => number | undefined;

export const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;

/** Of WebAssembly. */
export const pageBytes = 65_536;
/** One page less than an address of 32 bits reaches. */
const mostPages = 65_535;

/**
 * Memory that the threads of a node share and that kernels run over as WebAssembly: slabs first, then for each lane what its
 * tasks work in, then a page for proofs. Threads are given it when they start.
 */
export interface NodeMemory {
  readonly memory: WasmMemory;
  readonly slabBytes: number;
  /** Of each lane, without its limits.workspaceBytes. */
  readonly scratchBytes: number;
  /** First byte of the last page, which is the data plane's: there a process shows that this memory is its own. */
  readonly proofAt: number;
}

/**
 * With room for as many of `slabBytes` as an address reaches; what is not used takes no memory, but 4 GiB of address space.
 * Null where the system does not give them, or where so many lanes leave no room.
 */
export function allocateNodeMemory(
  slabBytes: number,
  lanes: number,
  scratchBytes: number,
): NodeMemory | null {
  const scratch = wholePages(Math.min(scratchBytes, limits.lanesBytes / lanes - limits.workspaceBytes));
  if (lanes === 0 || scratch < 0) return null;
  const lanePages = (lanes * (scratch + limits.workspaceBytes)) / pageBytes;
  const slabPages = Math.min(Math.ceil(slabBytes / pageBytes), mostPages - lanePages - 1);
  const pages = slabPages + lanePages + 1;
  const memory = orNull(() => new wasm.Memory({ initial: pages, maximum: pages, shared: true }));
  if (memory === null) return null;
  behind.set(memory.buffer, memory);
  return {
    memory,
    slabBytes: slabPages * pageBytes,
    scratchBytes: scratch,
    proofAt: (pages - 1) * pageBytes,
  };
}

function wholePages(bytes: number): number {
  return Math.floor(bytes / pageBytes) * pageBytes;
}

/** Where kernels of this thread work, as long as it serves its lane: what follows is no other thread's. */
export interface KernelMemory {
  readonly memory: WasmMemory;
  readonly buffer: SharedArrayBuffer;
  readonly scratch: number;
  readonly scratchBytes: number;
  /** First byte of limits.workspaceBytes, behind the scratch. */
  readonly workspace: number;
}

let given: NodeMemory | null = null;
const byLane: (KernelMemory | undefined)[] = [];
let current: KernelMemory | null = null;

const behind = new WeakMap<ArrayBufferLike, WasmMemory>();

/** The node memory whose buffer this is; null: something else. */
export function memoryBehind(buffer: ArrayBufferLike): WasmMemory | null {
  return behind.get(buffer) ?? null;
}

/** This thread's node has that memory. */
export function shareNodeMemory(node: NodeMemory | null): void {
  if (node !== null) behind.set(node.memory.buffer, node.memory);
  given = node;
  byLane.length = 0;
  current = null;
}

/** From now on this thread works for this lane, and no other thread does; null: for none. */
export function workFor(lane: number | null): void {
  current = lane === null || given === null ? null : (byLane[lane] ??= memoryOfLane(given, lane));
}

/** From now on this thread works in memory that no other thread has, as in the only lane of a node; until workFor. */
export function workApart(own: NodeMemory): void {
  current = memoryOfLane(own, 0);
}

function memoryOfLane({ memory, slabBytes, scratchBytes }: NodeMemory, lane: number): KernelMemory {
  const scratch = slabBytes + lane * (scratchBytes + limits.workspaceBytes);
  return { memory, buffer: memory.buffer, scratch, scratchBytes, workspace: scratch + scratchBytes };
}

/** Of the system's memory; a larger one is touched more often than it has to be. */
const systemPageBytes = 4096;
/** Touched in one step: a millisecond or two. */
const touchedAtOnceBytes = 2 * 1024 * 1024;

/**
 * Has the system give the beginning of each lane's scratch memory before a task waits for it, `bytes` of all lanes together: a page costs 2 to
 * 6 microseconds when it is touched first. Nothing is added to what lies there, which may be another thread's work.
 */
export function* touchScratch(bytes: number): Generator<() => void> {
  if (given === null) return;
  const { memory, slabBytes, scratchBytes, proofAt } = given;
  const laneBytes = scratchBytes + limits.workspaceBytes;
  const lanes = (proofAt - slabBytes) / laneBytes;
  const each = Math.min(scratchBytes, wholePages(bytes / lanes));
  const stepWords = touchedAtOnceBytes / 4;
  for (let lane = 0; lane < lanes; lane++) {
    const words = new Int32Array(memory.buffer, slabBytes + lane * laneBytes, each / 4);
    for (let from = 0; from < words.length; from += stepWords) {
      yield () => {
        const to = Math.min(words.length, from + stepWords);
        for (let i = from; i < to; i += systemPageBytes / 4) Atomics.add(words, i, 0);
      };
    }
  }
}

/** Null where there is none, and between batches. */
export function kernelMemory(): KernelMemory | null {
  return current;
}

/** What `make` gives; null where the system has no address space for it. */
export function orNull<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
