/** Bytes of WebAssembly: an expression that leaves a 32-bit integer, or statements that leave nothing. */
export type Code = readonly number[];

const Op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  branch: 0x0c,
  branchIf: 0x0d,
  return: 0x0f,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  load32: 0x28,
  load64: 0x29,
  load8: 0x2d,
  store64: 0x37,
  store8: 0x3a,
  constant: 0x41,
  eqz: 0x45,
  bulk: 0xfc,
} as const;
const i32 = 0x7f;
const noResult = 0x40;

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const out: number[] = [];
  for (; value > 0x7f; value >>>= 7) out.push((value & 0x7f) | 0x80);
  return [...out, value];
}

/** Signed LEB128. */
export function int(value: number): Code {
  const out: number[] = [Op.constant];
  for (; value < -64 || value > 63; value >>= 7) out.push((value & 0x7f) | 0x80);
  return [...out, value & 0x7f];
}

const binary =
  (op: number) =>
  (a: Code, b: Code): Code => [...a, ...b, op];
export const [ne, ltU, gtU, leU, geU] = [0x47, 0x49, 0x4b, 0x4d, 0x4f].map(binary) as Binary5;
export const [add, sub, and, or, shl] = [0x6a, 0x6b, 0x71, 0x72, 0x74].map(binary) as Binary5;
export const shrU = binary(0x76);
type Binary = ReturnType<typeof binary>;
type Binary5 = [Binary, Binary, Binary, Binary, Binary];

export const not = (a: Code): Code => [...a, Op.eqz];
/** `a` where the condition is not 0, else `b`: without a branch. */
export const select = (condition: Code, a: Code, b: Code): Code => [...a, ...b, ...condition, Op.select];

/** Little-endian, at any address, `offset` bytes behind it. */
export const load32 = (address: Code, offset = 0): Code => [...address, Op.load32, 0, ...leb(offset)];

export const copyByte = (to: Code, from: Code): Code => [
  ...to,
  ...from,
  ...[Op.load8, 0, 0],
  ...[Op.store8, 0, 0],
];
/** Eight bytes `offset` behind both addresses. */
export const copy8 = (to: Code, from: Code, offset: number): Code => [
  ...to,
  ...from,
  ...[Op.load64, 0, offset],
  ...[Op.store64, 0, offset],
];
/** memory.copy: ranges may overlap. */
export const copyBytes = (to: Code, from: Code, length: Code): Code => [
  ...to,
  ...from,
  ...length,
  ...[Op.bulk, 10, 0, 0],
];

export const when = (condition: Code, then: Code, otherwise: Code = []): Code => [
  ...condition,
  ...[Op.if, noResult],
  ...then,
  ...(otherwise.length > 0 ? [Op.else, ...otherwise] : []),
  Op.end,
];
export const whileTrue = (condition: Code, body: Code): Code => [
  ...[Op.block, noResult, Op.loop, noResult],
  ...not(condition),
  ...[Op.branchIf, 1],
  ...body,
  ...[Op.branch, 0, Op.end, Op.end],
];
export const giveBack = (result: Code): Code => [...result, Op.return];
export const statements = (...parts: readonly Code[]): Code => parts.flat();

/** The parameters and variables of one function, by name. */
export class Locals<Name extends string> {
  readonly #names: readonly Name[];

  constructor(names: readonly Name[]) {
    this.#names = names;
  }

  get(name: Name): Code {
    return [Op.localGet, this.#names.indexOf(name)];
  }

  set(name: Name, value: Code): Code {
    return [...value, Op.localSet, this.#names.indexOf(name)];
  }
}

/** A function over a memory of its own. */
export interface WasmFunction {
  /** It grows by pages of 64 KiB, which detaches its buffer, and never shrinks. */
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  run(...parameters: number[]): number;
}

/** TypeScript knows them in browsers only. */
const { Module, Instance } = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object) => { readonly exports: unknown };
    };
  }
).WebAssembly;

/** Compiles a function of 32-bit integers with one result, which `body` must give back. Its memory has one page. */
export function wasmFunction(parameters: number, variables: number, body: Code): WasmFunction {
  const list = (items: readonly Code[]) => [...leb(items.length), ...items.flat()];
  const sized = (bytes: Code) => [...leb(bytes.length), ...bytes];
  const named = (name: string, kind: number) => [...sized([...Buffer.from(name)]), kind, 0];
  const section = (id: number, items: readonly Code[]) => [id, ...sized(list(items))];
  const code = [...list([[...leb(variables), i32]]), ...body, 0x00, Op.end];
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [[0x60, ...sized(new Array(parameters).fill(i32)), 1, i32]]),
    ...section(3, [[0]]),
    ...section(5, [[0, 1]]),
    ...section(7, [named('memory', 2), named('run', 0)]),
    ...section(10, [sized(code)]),
  ];
  return new Instance(new Module(Uint8Array.from(bytes))).exports as WasmFunction;
}
