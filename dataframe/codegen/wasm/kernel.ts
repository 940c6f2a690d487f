import { VolleyError } from '../../../core/base/errors.js';
import {
  type KernelMemory,
  kernelMemory,
  type WasmFunction,
  type WasmMemory,
  type WasmModule,
  wasm,
} from '../../../core/base/kernel-memory.js';
import { limits } from '../../../core/base/limits.js';
import type { Values } from '../../column/column.js';
import { compileAs } from '../compile.js';
import { elementOf } from './elements.js';
import type { Access, ArgumentType } from './names.js';
import { type ArrayUse, offsetBytes, translate, Untranslatable } from './translate.js';

/**
 * Rows of one call from which on it is worth translating: that takes half a millisecond, and the code runs at full speed at
 * once, in all threads. V8 optimises the JavaScript of a loop of so many rows in any case, in each thread.
 */
const fewRows = 2048;
/** Rows of one call: between calls V8 puts better code in place. Fewer where rows are copied, which then stay in the cache. */
export const callRows = 65_536;
const copiedRows = 8192;
/** Bytes that may be copied for each row: at two or three a nanosecond's tenth they are cheap beside what else is done. */
const copiedPerRow = 48;

type Run = (...args: readonly unknown[]) => unknown;

/** One kernel, and what became of its text for each signature it was called with. */
interface Kernel {
  readonly plain: Run;
  readonly parameters: readonly string[];
  readonly bound: number;
  readonly from: number;
  readonly rows: number;
  /** Place of `work`; -1: a call's work is its rows. */
  readonly work: number;
  readonly body: () => string;
  readonly variants: Variant[];
  /** Runs it in either form. */
  readonly run: Run;
}

interface Variant {
  /** Of the arguments, those bound last. */
  readonly types: readonly ArgumentType[];
  /** Null: it stays JavaScript. */
  readonly translated: Translated | null;
}

interface Translated {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Compiled when it is called for the first time. */
  module: WasmModule | null;
  /** Over `memory`. */
  run: WasmFunction | null;
  memory: WasmMemory | null;
  /** By argument; null: no array, or not used. */
  readonly uses: readonly (ArrayUse | null)[];
  /** What `run` is called with: arguments, and lengths of the arrays among them. */
  readonly args: number[];
}

const kernels = new WeakMap<Function, Kernel>();

/**
 * As compileAs, for a function over rows `from` (included) to `rows` (excluded), which are parameters of these names, as
 * `P` is, which lists what the text binds: row i is read and written at [i], [2*i] and [2*i+1] or, in bitmaps, [i>>3]. It
 * returns nothing, or the row it came to; what it carries from row to row lies in arrays, for it may be called for some of
 * the rows at a time. In threads that have memory for it, many rows run as WebAssembly, with the same answer. Where a row may
 * be much work, a parameter `work` says how much all of a call's are, in rows of other kernels, as `rows` of this function does.
 */
export function compileRows<F extends Function>(
  key: string,
  parameters: readonly string[],
  body: () => string,
  rows: number,
): F {
  const plain = compileAs<F>(key, parameters, body);
  if (rows < fewRows || kernelMemory() === null) return plain;
  let kernel = kernels.get(plain);
  if (kernel === undefined) {
    kernel = makeKernel(plain as unknown as Run, parameters, body);
    kernels.set(plain, kernel);
  }
  return kernel.run as unknown as F;
}

/** As compileRows, for a text that is its own key, and rows from 0 on. */
export function compileText<F extends Function>(
  parameters: readonly string[],
  body: string,
  rows: number,
): F {
  return compileRows<F>(`${parameters.join()}\n${body}`, parameters, () => body, rows);
}

function makeKernel(plain: Run, parameters: readonly string[], body: () => string): Kernel {
  const kernel: Kernel = {
    plain,
    parameters,
    bound: parameters.indexOf('P'),
    from: parameters.indexOf('from'),
    rows: parameters.indexOf('rows'),
    work: parameters.indexOf('work'),
    body,
    variants: [],
    run: (...args) => runKernel(kernel, args),
  };
  return kernel;
}

function runKernel(kernel: Kernel, args: readonly unknown[]): unknown {
  const from = args[kernel.from] as number;
  const rows = args[kernel.rows] as number;
  const work = kernel.work < 0 ? rows - from : (args[kernel.work] as number);
  const home = work < fewRows ? null : kernelMemory();
  if (home === null) return kernel.plain(...args);
  const all = kernel.bound < 0 ? args : args.concat(args[kernel.bound] as readonly unknown[]);
  const translated = translatedFor(kernel, all);
  if (translated === null || !layOut(translated, all, home, from, rows, work)) return kernel.plain(...args);
  return runPieces(kernel, functionOver(translated, home), translated.args, from, rows);
}

function translatedFor(kernel: Kernel, all: readonly unknown[]): Translated | null {
  const variant = kernel.variants.find(({ types }) => types.every((type, k) => type === typeOf(all[k])));
  if (variant !== undefined) return variant.translated;
  if (kernel.variants.length >= limits.kernelVariants) return null;
  const types = all.map(typeOf);
  const translated = translateFor(kernel, types);
  kernel.variants.push({ types, translated });
  return translated;
}

function typeOf(value: unknown): ArgumentType {
  if (typeof value === 'number') return Object.is(value | 0, value) ? 'int' : 'double';
  return ArrayBuffer.isView(value) ? (elementOf(value) ?? 'none') : 'none';
}

function translateFor({ parameters, body }: Kernel, types: readonly ArgumentType[]): Translated | null {
  const named = parameters.map((name, k) => [name, types[k]!] as const);
  try {
    const { module, arrays } = translate(named, types.slice(parameters.length), body());
    return { bytes: module, module: null, run: null, memory: null, uses: arrays, args: [] };
  } catch (error) {
    if (error instanceof Untranslatable) return null;
    throw error;
  }
}

/** A thread works over one memory, but for its rehearsal. */
function functionOver(translated: Translated, { memory }: KernelMemory): WasmFunction {
  if (translated.run !== null && translated.memory === memory) return translated.run;
  translated.module ??= new wasm.Module(translated.bytes);
  translated.memory = memory;
  translated.run = new wasm.Instance(translated.module, { m: { m: memory } }).exports.run;
  return translated.run;
}

/** An array that does not lie where the kernel may touch it, and its place there. */
interface Copied {
  readonly argument: number;
  readonly array: Values;
  readonly place: Values;
  readonly use: ArrayUse;
}

/** Of the call that is laid out. */
const whole: Copied[] = [];
const byRow: Copied[] = [];

/**
 * Puts down what the function is called with. False when there are not as many rows, or when it would need more room for
 * copies than there is, or more copying than it is worth.
 */
function layOut(
  { uses, args }: Translated,
  all: readonly unknown[],
  home: KernelMemory,
  from: number,
  rows: number,
  work: number,
): boolean {
  whole.length = 0;
  byRow.length = 0;
  let length = all.length;
  let copied = 0;
  let end = home.workspace;
  for (let k = 0; k < all.length; k++) {
    const value = all[k];
    if (typeof value === 'number') {
      args[k] = value;
      continue;
    }
    args[k] = 0;
    if (!ArrayBuffer.isView(value)) continue;
    const array = value as Values;
    args[length++] = array.length;
    const use = uses[k]!;
    if (use === null) continue;
    const any = use.access === 'any';
    if (!any && array.byteLength < Math.floor(rows * rowBytes(array, use.access))) return false;
    if (isHome(array, use, home)) {
      args[k] = array.byteOffset;
      continue;
    }
    const once = any ? array.byteLength : (rows - from) * rowBytes(array, use.access);
    copied += use.written && (use.kept || any) ? 2 * once : once;
    const size = any ? array.byteLength : copiedRows * rowBytes(array, use.access);
    // V8 copies shared memory byte by byte unless both ends lie alike within words of eight bytes.
    const start = end + (array.byteOffset & 7);
    const past = end + ((size + offsetBytes + 23) & ~15);
    if (copied > copiedPerRow * work || past > home.workspace + limits.workspaceBytes) return false;
    const place = viewOf(array, home.buffer, start, size / array.BYTES_PER_ELEMENT);
    (any ? whole : byRow).push({ argument: k, array, place, use });
    args[k] = start;
    end = past;
  }
  // Copied, they would no longer share their bytes.
  for (const one of whole)
    for (let k = 0; k < all.length; k++) if (k !== one.argument && overlap(one.array, all[k])) return false;
  return true;
}

function overlap(array: Values, other: unknown): boolean {
  if (!ArrayBuffer.isView(other) || other.buffer !== array.buffer) return false;
  const start = array.byteOffset;
  const otherStart = other.byteOffset;
  return start < otherStart + other.byteLength && otherStart < start + array.byteLength;
}

/** Whether it may be used where it lies. An index that leads a little behind it must not leave what is the lane's. */
function isHome(array: Values, use: ArrayUse, { buffer, scratch }: KernelMemory): boolean {
  if (array.buffer !== buffer) return false;
  return use.access !== 'any' || !use.added || array.byteOffset >= scratch;
}

function rowBytes(array: Values, access: Access): number {
  if (access === 'bit') return 1 / 8;
  return access === 'pair' ? 2 * array.BYTES_PER_ELEMENT : array.BYTES_PER_ELEMENT;
}

type ValuesOver = new (buffer: ArrayBufferLike, offset: number, length: number) => Values;

function viewOf(like: Values, buffer: ArrayBufferLike, offset: number, length: number): Values {
  return new (like.constructor as ValuesOver)(buffer, offset, length);
}

function runPieces(kernel: Kernel, run: WasmFunction, args: number[], from: number, rows: number): unknown {
  const step = byRow.length > 0 ? copiedRows : callRows;
  for (const { array, place } of whole) place.set(array);
  let result: unknown;
  for (let first = from; first < rows; ) {
    const end = Math.min(rows, (Math.floor(first / step) + 1) * step);
    for (const { argument, array, place, use } of byRow) {
      const a = elementOfRow(use.access, first, false);
      if (use.kept) place.set(array.subarray(a, elementOfRow(use.access, end, true)));
      args[argument] = place.byteOffset - a * array.BYTES_PER_ELEMENT;
    }
    args[kernel.from] = first;
    args[kernel.rows] = end;
    result = checked(run, args);
    for (const { array, place, use } of byRow) {
      if (!use.written) continue;
      const a = elementOfRow(use.access, first, false);
      const b = elementOfRow(use.access, typeof result === 'number' ? result : end, true);
      array.set(place.subarray(0, b - a), a);
    }
    if (result !== undefined && result !== end) break;
    first = end;
  }
  for (const { array, place, use } of whole) if (use.written) array.set(place);
  // Nothing here shall keep a buffer that was dropped.
  whole.length = 0;
  byRow.length = 0;
  return result;
}

/** Calls it. An index that is none is CORRUPT_PARTITION. */
export function checked(run: WasmFunction, args: readonly number[]): number | undefined {
  try {
    return run(...args);
  } catch (error) {
    if (!(error instanceof wasm.RuntimeError)) throw error;
    throw new VolleyError('CORRUPT_PARTITION', `a kernel met values that cannot be: ${error.message}`);
  }
}

/** The element in which a row begins or, `past`, the first one behind those of the rows before it. */
function elementOfRow(access: Access, row: number, past: boolean): number {
  if (access === 'bit') return (past ? row + 7 : row) >> 3;
  return access === 'pair' ? 2 * row : row;
}
