import {
  type WasmFunction,
  type WasmMemory,
  type WasmModule,
  wasm,
} from '../../../core/base/kernel-memory.js';
import { limits } from '../../../core/base/limits.js';
import { intConstant, type ModuleParts, moduleOf, Op, type Parts, Type, unsigned } from './module.js';

/** Bytes of WebAssembly: an expression that leaves a 32-bit integer, or statements that leave nothing. */
export type Code = Parts;

export const int = (value: number): Code => intConstant(value);

const binary =
  (op: number) =>
  (a: Code, b: Code): Code => [a, b, op];
export const [ne, ltU, gtU, leU, geU] = [Op.i32Ne, Op.i32LtU, Op.i32GtU, Op.i32LeU, Op.i32GeU].map(
  binary,
) as Binary5;
export const [add, sub, and, or, shl] = [Op.i32Add, Op.i32Sub, Op.i32And, Op.i32Or, Op.i32Shl].map(
  binary,
) as Binary5;
export const shrU = binary(Op.i32ShrU);
export const mul = binary(Op.i32Mul);
export const xor = binary(Op.i32Xor);
type Binary = ReturnType<typeof binary>;
type Binary5 = [Binary, Binary, Binary, Binary, Binary];

export const not = (a: Code): Code => [a, Op.i32Eqz];
export const popcount = (a: Code): Code => [a, Op.i32Popcnt];
export const clz = (a: Code): Code => [a, Op.i32Clz];
/** `a` where the condition is not 0, else `b`: without a branch. */
export const select = (condition: Code, a: Code, b: Code): Code => [a, b, condition, Op.select];

/** Little-endian, at any address, `offset` bytes behind it. */
export const load32 = (address: Code, offset = 0): Code => [address, Op.i32Load, 0, unsigned(offset)];
export const load8 = (address: Code, offset = 0): Code => [address, Op.i32Load8u, 0, unsigned(offset)];

const loads = [Op.i32Load8u, Op.i32Load16u, Op.i32Load, Op.i64Load];
const stores = [Op.i32Store8, Op.i32Store16, Op.i32Store, Op.i64Store];
/** 1, 2, 4 or 8 bytes, to be stored by storeAs: those of 8 are no 32-bit integer. */
export const loadAs = (sizeLog2: number, address: Code, offset = 0): Code => [
  address,
  loads[sizeLog2]!,
  0,
  unsigned(offset),
];
export const storeAs = (sizeLog2: number, address: Code, value: Code, offset: number): Code => [
  address,
  value,
  stores[sizeLog2]!,
  0,
  unsigned(offset),
];
const floatAt = (address: Code, offset: number): Code => [address, Op.f64Load, 0, unsigned(offset)];
/** The whole number in a float of 64 bits, for storeAs as what loadAs gives of 8 bytes; NaN is 0. */
export const loadWhole = (address: Code, offset = 0): Code => [floatAt(address, offset), Op.i64TruncSatF64S];
export const store32 = (address: Code, value: Code, offset = 0): Code => storeAs(2, address, value, offset);

export const copyByte = (to: Code, from: Code): Code => [to, from, Op.i32Load8u, 0, 0, Op.i32Store8, 0, 0];
/** Eight bytes `offset` behind both addresses. */
export const copy8 = (to: Code, from: Code, offset: number): Code => [
  to,
  from,
  Op.i64Load,
  0,
  offset,
  Op.i64Store,
  0,
  offset,
];
/** memory.copy: ranges may overlap. */
export const copyBytes = (to: Code, from: Code, length: Code): Code => [to, from, length, Op.memoryCopy];

/** memory.fill. */
export const fillBytes = (to: Code, byte: Code, length: Code): Code => [to, byte, length, Op.memoryFill];

export const when = (condition: Code, then: Code, otherwise: Code = []): Code => [
  condition,
  Op.if,
  Type.none,
  then,
  otherwise.length > 0 ? [Op.else, otherwise] : [],
  Op.end,
];
const again: Code = [Op.br, 0, Op.end, Op.end];
/** Over and over, until it is left. */
export const forever = (body: Code): Code => [Op.block, Type.none, Op.loop, Type.none, body, again];
/** Directly within `forever`, not within a `when` there. */
export const leaveWhen = (condition: Code): Code => [condition, Op.brIf, 1];
export const whileTrue = (condition: Code, body: Code): Code => forever([leaveWhen(not(condition)), body]);
/** Ends the call: something is as it cannot be. */
export const unreachable: Code = [Op.unreachable];
export const giveBack = (result: Code): Code => [result, Op.return];
export const statements = (...parts: readonly Code[]): Code => parts;

/** The parameters and variables of one function, by name. */
export function localsOf<Name extends string>(
  names: readonly Name[],
): {
  readonly get: (name: Name) => Code;
  readonly set: (name: Name, value: Code) => Code;
} {
  return {
    get: name => [Op.localGet, names.indexOf(name)],
    set: (name, value) => [value, Op.localSet, names.indexOf(name)],
  };
}

/** A function over a memory of its own. */
export interface AssembledFunction {
  /** It grows by pages of 64 KiB, which detaches its buffer, and never shrinks. */
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  run(...parameters: number[]): number;
}

/** Compiles a function of 32-bit integers with one result, which `body` must give back. Its memory has one page. */
export function wasmFunction(parameters: number, variables: number, body: Code): AssembledFunction {
  const module = moduleFor(parameters, variables, body, 'own');
  return new wasm.Instance(module).exports as unknown as AssembledFunction;
}

/**
 * The same over memory that threads share. Behind its variables come so many `vectors` of 128 bits, and behind those
 * `wides`, integers of 64 bits.
 * @throws where there are some and the processor has none
 */
export function functionOver(
  memory: WasmMemory,
  parameters: number,
  variables: number,
  body: Code,
  vectors = 0,
  wides = 0,
): WasmFunction {
  return instanceOf(moduleFor(parameters, variables, body, 'shared', vectors, wides), memory);
}

/** Of functions over memory that threads share. */
const modules = new WeakMap<WasmFunction, WasmModule>();

function instanceOf(module: WasmModule, memory: WasmMemory): WasmFunction {
  const { run } = new wasm.Instance(module, { m: { m: memory } }).exports;
  modules.set(run, module);
  return run;
}

const known = new WeakMap<WasmMemory, Map<string, WasmFunction>>();
/** By key, as what a thread rehearses in is another memory than what its tasks work in. */
const knownModules = new Map<string, WasmModule>();

/**
 * What `make` gave for this key and memory, made anew after limits.compiledKernels others. Over another memory the code is the same: `make`
 * is called for the first one.
 */
export function functionFor(memory: WasmMemory, key: string, make: () => WasmFunction): WasmFunction {
  let functions = known.get(memory);
  if (functions === undefined) known.set(memory, (functions = new Map()));
  let found = functions.get(key);
  if (found === undefined) {
    const module = knownModules.get(key);
    found = module === undefined ? make() : instanceOf(module, memory);
    remember(functions, key, found);
    if (module === undefined) remember(knownModules, key, modules.get(found)!);
  }
  return found;
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= limits.compiledKernels) map.clear();
  map.set(key, value);
}

function moduleFor(
  parameters: number,
  variables: number,
  body: Code,
  memory: ModuleParts['memory'],
  vectors = 0,
  wides = 0,
): WasmModule {
  const bytes = moduleOf({
    parameters: new Array<Type>(parameters).fill(Type.i32),
    result: Type.i32,
    locals: [
      ...new Array<Type>(variables).fill(Type.i32),
      ...new Array<Type>(vectors).fill(Type.v128),
      ...new Array<Type>(wides).fill(Type.i64),
    ],
    code: [body, Op.unreachable],
    memory,
  });
  return new wasm.Module(bytes);
}
