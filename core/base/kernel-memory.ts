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

const pageBytes = 65_536;
const mostPages = 65_536;

/**
 * Memory that threads share, and that kernels can run over as WebAssembly: the first `byteLength` bytes are the caller's, behind
 * them each of so many lanes has limits.workspaceBytes. Where the system gives no address space for that (each takes some
 * gigabytes of it, whatever its size): the bytes alone.
 */
export function allocateShared(byteLength: number, lanes: number): WasmMemory | SharedArrayBuffer {
  const pages = Math.ceil((byteLength + lanes * limits.workspaceBytes) / pageBytes);
  if (lanes === 0 || pages > mostPages) return new SharedArrayBuffer(byteLength);
  const memory = orNull(() => new wasm.Memory({ initial: pages, maximum: pages, shared: true }));
  if (memory === null) return new SharedArrayBuffer(byteLength);
  made.set(memory.buffer, memory);
  return memory;
}

/** What allocateShared gave this thread, by its buffer; null: something else. */
export function memoryBehind(buffer: ArrayBufferLike): WasmMemory | null {
  return made.get(buffer) ?? null;
}

const made = new WeakMap<ArrayBufferLike, WasmMemory>();

export function bufferOf(memory: WasmMemory | SharedArrayBuffer): SharedArrayBuffer {
  return memory instanceof SharedArrayBuffer ? memory : memory.buffer;
}

/** The same for this thread alone, with one workspace; null where there is no address space. */
export function allocateOwn(byteLength: number): KernelMemory | null {
  const pages = Math.ceil((byteLength + limits.workspaceBytes) / pageBytes);
  const memory = orNull(() => new wasm.Memory({ initial: pages, maximum: pages }));
  if (memory === null) return null;
  own = { memory, workspace: byteLength, shared: false };
  return own;
}

/** Memory that kernels of this thread find their arrays in. */
export interface KernelMemory {
  readonly memory: WasmMemory<ArrayBufferLike>;
  /** First byte of limits.workspaceBytes that are nobody else's. */
  readonly workspace: number;
  readonly shared: boolean;
}

/** By buffer: the memory, and where the workspace of lane 0 begins. */
const known = new WeakMap<ArrayBufferLike, { readonly memory: WasmMemory; readonly workspaces: number }>();
let own: KernelMemory | null = null;
let lane = 0;

/** This thread may run kernels over memory of allocateShared, whose first `byteLength` bytes are not the lanes'. */
export function noteMemory(memory: WasmMemory, byteLength: number): void {
  known.set(memory.buffer, { memory, workspaces: byteLength });
}

/** From now on this thread works for this lane: its workspaces are no other thread's. */
export function workFor(served: number): void {
  lane = served;
}

/** What allocateOwn gave last. */
export function ownMemory(): KernelMemory | null {
  return own;
}

/** Memory that threads share; null when the buffer is none of it. */
export function sharedMemory(buffer: ArrayBufferLike): KernelMemory | null {
  const found = known.get(buffer);
  if (found === undefined) return null;
  const { memory, workspaces } = found;
  return { memory, workspace: workspaces + lane * limits.workspaceBytes, shared: true };
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
