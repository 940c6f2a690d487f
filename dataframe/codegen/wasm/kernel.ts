import { VolleyError } from '../../../core/base/errors.js';
import {
  type KernelMemory,
  ownMemory,
  sharedMemory,
  type WasmFunction,
  type WasmMemory,
  type WasmModule,
  wasm,
} from '../../../core/base/kernel-memory.js';
import { limits } from '../../../core/base/limits.js';
import type { Values } from '../../column/column.js';
import { compileAs } from '../compile.js';
import type { Access, ArgumentType, Element } from './names.js';
import type { ArrayUse } from './translate.js';

/** Rows of one call from which on copying and calling cost less than they bring. */
const fewRows = 2048;
/** Rows after which a kernel is worth translating, which takes as long as a million rows. */
let warmRows = 2 ** 20;
/** Rows of one call: between calls V8 puts better code in place. Fewer where rows are copied, which then stay in the cache. */
const callRows = 65_536;
const copiedRows = 8192;
/**
 * Rows that each form of a kernel is tried for before one is chosen, and of which the time is taken together: V8 improves
 * both in the meantime, and single calls differ by more than the forms do, as tables fill up.
 */
const trialRows = 2 ** 19;
const timedRows = 2 ** 17;
/** Bytes that may be copied for each row: at two or three a nanosecond's tenth they are cheap beside what else is done. */
const copiedPerRow = 48;

const elementOf: ReadonlyMap<unknown, Element> = new Map<unknown, Element>([
  [Int8Array, 'i8'],
  [Uint8Array, 'u8'],
  [Int16Array, 'i16'],
  [Uint16Array, 'u16'],
  [Int32Array, 'i32'],
  [Uint32Array, 'u32'],
  [Float32Array, 'f32'],
  [Float64Array, 'f64'],
]);

/** The translator, as soon as this thread has loaded it. */
let translator: typeof import('./translate.js') | null = null;
let loading: Promise<void> | null = null;

/** Loads the translator. Kernels run as JavaScript until it is there. `warm`, for tests: instead of warmRows. */
export function loadTranslator(warm = warmRows): Promise<void> {
  warmRows = warm;
  loading ??= import('./translate.js').then(
    loaded => {
      translator = loaded;
    },
    (error: Error) => process.emitWarning(`volley: kernels stay JavaScript: ${error.message}`),
  );
  return loading;
}

type Run = (...args: readonly unknown[]) => unknown;

/** One kernel, and what became of its text for each signature it was called with; null: it stays JavaScript. */
interface Kernel {
  readonly plain: Run;
  readonly parameters: readonly string[];
  readonly bound: number;
  readonly from: number;
  readonly rows: number;
  /** Place of `work`; -1: a call's work is its rows. */
  readonly work: number;
  readonly body: () => string;
  readonly variants: Map<string, Variant | null>;
  /** As JavaScript. */
  readonly trials: Trials;
  /** Runs it in either form. */
  readonly run: Run;
}

interface Variant {
  /** Over memory that is shared, and that is not. */
  readonly modules: Readonly<Record<'shared' | 'own', () => WasmModule>>;
  /** By argument, those bound last; null: no array, or not used. */
  readonly uses: readonly (ArrayUse | null)[];
  readonly instances: WeakMap<WasmMemory<ArrayBufferLike>, WasmFunction>;
  readonly trials: Trials;
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
  if (rows < fewRows || ownMemory() === null) return plain;
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
    variants: new Map(),
    trials: untried(),
    run: (...args) => runKernel(kernel, args),
  };
  return kernel;
}

function runKernel(kernel: Kernel, args: readonly unknown[]): unknown {
  const all = kernel.bound < 0 ? args : args.concat(args[kernel.bound] as readonly unknown[]);
  const from = args[kernel.from] as number;
  const rows = args[kernel.rows] as number;
  const work = kernel.work < 0 ? rows - from : (args[kernel.work] as number);
  if (work < fewRows) return kernel.plain(...args);
  const variant = kernel.trials.rows < warmRows ? null : variantOf(kernel, all);
  const home =
    variant === null || !isFaster(variant, kernel) ? null : homeOf(variant.uses, all, rows - from, work);
  const call = home === null ? null : layOut(variant!, all, home, rows);
  const start = performance.now();
  const result = call === null ? kernel.plain(...args) : runPieces(kernel, call, from, rows);
  note(call === null ? kernel.trials : variant!.trials, performance.now() - start, work);
  return result;
}

/** What a form of a kernel took at best over timedRows, in milliseconds a row, and what it takes now. */
interface Trials {
  rows: number;
  least: number;
  timedRows: number;
  timedMs: number;
}

function untried(): Trials {
  return { rows: 0, least: Number.POSITIVE_INFINITY, timedRows: 0, timedMs: 0 };
}

function note(trials: Trials, ms: number, rows: number): void {
  trials.rows += rows;
  trials.timedRows += rows;
  trials.timedMs += ms;
  if (trials.timedRows < timedRows) return;
  trials.least = Math.min(trials.least, trials.timedMs / trials.timedRows);
  trials.timedRows = 0;
  trials.timedMs = 0;
}

/**
 * Which form is faster depends on what has to be copied, and on the machine: both are tried. A trial may be over before V8
 * has put its better code in place, so there is another one after four times the rows as JavaScript, and again.
 */
function isFaster({ trials }: Variant, { trials: plain }: Kernel): boolean {
  const times = 1 + Math.max(0, Math.floor(Math.log2(plain.rows / Math.max(1, warmRows)) / 2));
  if (trials.rows < times * trialRows) return true;
  return plain.rows >= warmRows + trialRows && trials.least <= plain.least;
}

function variantOf(kernel: Kernel, all: readonly unknown[]): Variant | null {
  if (translator === null) {
    loadTranslator();
    return null;
  }
  let signature = '';
  for (const value of all) signature += `${typeOf(value)} `;
  let variant = kernel.variants.get(signature);
  if (variant === undefined) {
    if (kernel.variants.size >= limits.kernelVariants) return null;
    variant = makeVariant(kernel, all.map(typeOf));
    kernel.variants.set(signature, variant);
  }
  return variant;
}

function typeOf(value: unknown): ArgumentType {
  if (typeof value === 'number') return Object.is(value | 0, value) ? 'int' : 'double';
  return ArrayBuffer.isView(value) ? (elementOf.get(value.constructor) ?? 'none') : 'none';
}

function makeVariant({ parameters, body }: Kernel, types: readonly ArgumentType[]): Variant | null {
  const { translate, Untranslatable } = translator!;
  const named = parameters.map((name, k) => [name, types[k]!] as const);
  try {
    const { module, arrays } = translate(named, types.slice(parameters.length), body());
    const compiled = (shared: boolean) => {
      let made: WasmModule | null = null;
      return () => (made ??= new wasm.Module(module(shared)));
    };
    const modules = { shared: compiled(true), own: compiled(false) };
    return { modules, uses: arrays, instances: new WeakMap(), trials: untried() };
  } catch (error) {
    if (error instanceof Untranslatable) return null;
    throw error;
  }
}

/** The memory over which least has to be copied; null when that is too much. */
function homeOf(
  uses: readonly (ArrayUse | null)[],
  all: readonly unknown[],
  rows: number,
  work: number,
): KernelMemory | null {
  let best: KernelMemory | null = null;
  let least = copiedPerRow * work;
  let shared: KernelMemory | null = null;
  for (const value of all) {
    shared = ArrayBuffer.isView(value) ? sharedMemory(value.buffer) : null;
    if (shared !== null) break;
  }
  for (const home of [shared, ownMemory()]) {
    if (home === null) continue;
    let bytes = 0;
    for (let k = 0; k < uses.length; k++) {
      const use = uses[k]!;
      if (use === null) continue;
      const array = all[k] as Values;
      if (isHome(array, use, home)) continue;
      const once = use.access === 'any' ? array.byteLength : rows * rowBytes(array, use.access);
      bytes += use.written && (use.kept || use.access === 'any') ? 2 * once : once;
    }
    if (bytes > least) continue;
    least = bytes;
    best = home;
  }
  return best;
}

/** An array that does not lie where the kernel may touch it, and its place there. */
interface Copied {
  readonly argument: number;
  readonly array: Values;
  readonly place: Values;
  readonly use: ArrayUse;
}

interface Call {
  readonly run: WasmFunction;
  /** What the function is called with. */
  readonly args: number[];
  readonly whole: readonly Copied[];
  readonly byRow: readonly Copied[];
}

/** Null when there is not room enough, or there are not as many rows. */
function layOut(variant: Variant, all: readonly unknown[], home: KernelMemory, rows: number): Call | null {
  const { memory, workspace } = home;
  const { offsetBytes } = translator!;
  const args: number[] = [];
  const lengths: number[] = [];
  const whole: Copied[] = [];
  const byRow: Copied[] = [];
  let end = workspace;
  for (let k = 0; k < all.length; k++) {
    const value = all[k];
    const use = variant.uses[k]!;
    args.push(typeof value === 'number' ? value : 0);
    if (!ArrayBuffer.isView(value)) continue;
    const array = value as Values;
    lengths.push(array.length);
    if (use === null) continue;
    const any = use.access === 'any';
    if (!any && array.byteLength < Math.floor(rows * rowBytes(array, use.access))) return null;
    if (isHome(array, use, home)) {
      args[k] = array.byteOffset;
      continue;
    }
    const size = any ? array.byteLength : copiedRows * rowBytes(array, use.access);
    if (end + size + offsetBytes > workspace + limits.workspaceBytes) return null;
    const place = viewOf(array, memory.buffer, end, size / array.BYTES_PER_ELEMENT);
    (any ? whole : byRow).push({ argument: k, array, place, use });
    args[k] = end;
    end += (size + offsetBytes + 15) & ~15;
  }
  // Copied, they would no longer share their bytes.
  for (const one of whole)
    for (let k = 0; k < all.length; k++) if (k !== one.argument && overlap(one.array, all[k])) return null;
  return { run: instanceOf(variant, home), args: args.concat(lengths), whole, byRow };
}

function overlap(array: Values, other: unknown): boolean {
  if (!ArrayBuffer.isView(other) || other.buffer !== array.buffer) return false;
  const start = array.byteOffset;
  const otherStart = other.byteOffset;
  return start < otherStart + other.byteLength && otherStart < start + array.byteLength;
}

/** Whether it may be used where it lies: in memory that threads share, an index must not lead behind it. */
function isHome(array: Values, use: ArrayUse, { memory, shared }: KernelMemory): boolean {
  return array.buffer === memory.buffer && !(shared && use.access === 'any' && use.added);
}

function instanceOf({ modules, instances }: Variant, { memory, shared }: KernelMemory): WasmFunction {
  let run = instances.get(memory);
  if (run === undefined) {
    const module = shared ? modules.shared() : modules.own();
    run = new wasm.Instance(module, { m: { m: memory } }).exports.run;
    instances.set(memory, run);
  }
  return run;
}

function rowBytes(array: Values, access: Access): number {
  if (access === 'bit') return 1 / 8;
  return access === 'pair' ? 2 * array.BYTES_PER_ELEMENT : array.BYTES_PER_ELEMENT;
}

type ValuesOver = new (buffer: ArrayBufferLike, offset: number, length: number) => Values;

function viewOf(like: Values, buffer: ArrayBufferLike, offset: number, length: number): Values {
  return new (like.constructor as ValuesOver)(buffer, offset, length);
}

function runPieces(kernel: Kernel, { run, args, whole, byRow }: Call, from: number, rows: number): unknown {
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
  return result;
}

function checked(run: WasmFunction, args: readonly number[]): number | undefined {
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
