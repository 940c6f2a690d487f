/** Opcodes of WebAssembly (core specification 2.0, 5.4) that kernels are made of. */
export const Op = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load: 0x28,
  i64Load: 0x29,
  f32Load: 0x2a,
  f64Load: 0x2b,
  i32Load8s: 0x2c,
  i32Load8u: 0x2d,
  i32Load16s: 0x2e,
  i32Load16u: 0x2f,
  i32Store: 0x36,
  i64Store: 0x37,
  f32Store: 0x38,
  f64Store: 0x39,
  i32Store8: 0x3a,
  i32Store16: 0x3b,
  i32Const: 0x41,
  f64Const: 0x44,
  i32Eqz: 0x45,
  i32Eq: 0x46,
  i32Ne: 0x47,
  i32LtS: 0x48,
  i32LtU: 0x49,
  i32GtS: 0x4a,
  i32GtU: 0x4b,
  i32LeS: 0x4c,
  i32LeU: 0x4d,
  i32GeS: 0x4e,
  i32GeU: 0x4f,
  f64Eq: 0x61,
  f64Ne: 0x62,
  f64Lt: 0x63,
  f64Gt: 0x64,
  f64Le: 0x65,
  f64Ge: 0x66,
  i32Clz: 0x67,
  i32Popcnt: 0x69,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32RemS: 0x6f,
  i32And: 0x71,
  i32Or: 0x72,
  i32Xor: 0x73,
  i32Shl: 0x74,
  i32ShrS: 0x75,
  i32ShrU: 0x76,
  f64Abs: 0x99,
  f64Neg: 0x9a,
  f64Ceil: 0x9b,
  f64Floor: 0x9c,
  f64Trunc: 0x9d,
  f64Sqrt: 0x9f,
  f64Add: 0xa0,
  f64Sub: 0xa1,
  f64Mul: 0xa2,
  f64Div: 0xa3,
  f64Min: 0xa4,
  f64Max: 0xa5,
  i32WrapI64: 0xa7,
  i64TruncF64S: 0xb0,
  f32DemoteF64: 0xb6,
  f64ConvertI32S: 0xb7,
  f64ConvertI32U: 0xb8,
  f64PromoteF32: 0xbb,
  /** Of two floats a, b in the first lane: b < a ? b : a, and a < b ? b : a. */
  f64x2Pmin: [0xfd, 0xf6, 0x01],
  f64x2Pmax: [0xfd, 0xf7, 0x01],
  f64x2Splat: [0xfd, 20],
  f64x2Lane0: [0xfd, 33, 0],
  f64x2SetLane1: [0xfd, 34, 1],
  f64x2Add: [0xfd, 0xf0, 0x01],
  /** Of the first two of four integers. */
  f64x2ConvertLow: [0xfd, 0xfe, 0x01],
  i32x4Splat: [0xfd, 17],
  i32x4SetLane1: [0xfd, 28, 1],
  /** Alignment and offset follow. */
  v128Load: [0xfd, 0],
  v128Store: [0xfd, 11],
  /** NaN is 0. */
  i64TruncSatF64S: [0xfc, 6],
  /** memory.copy, and its two memories. */
  memoryCopy: [0xfc, 10, 0, 0],
  /** memory.fill, and its memory. */
  memoryFill: [0xfc, 11, 0],
} as const;

export const Type = { i32: 0x7f, i64: 0x7e, f64: 0x7c, v128: 0x7b, none: 0x40 } as const;
export type Type = (typeof Type)[keyof typeof Type];

const doubleBits = new DataView(new ArrayBuffer(8));

/** Bytes of one function's body, written one after another. */
export class Code {
  readonly bytes: number[] = [];

  op(...bytes: number[]): void {
    this.bytes.push(...bytes);
  }

  append(bytes: readonly number[]): void {
    for (let k = 0; k < bytes.length; k++) this.bytes.push(bytes[k]!);
  }

  /** LEB128. */
  unsigned(value: number): void {
    this.bytes.push(...unsigned(value));
  }

  local(op: number, index: number): void {
    this.bytes.push(op);
    this.unsigned(index);
  }

  int(value: number): void {
    this.bytes.push(...intConstant(value));
  }

  double(value: number): void {
    this.bytes.push(Op.f64Const);
    doubleBits.setFloat64(0, value, true);
    for (let b = 0; b < 8; b++) this.bytes.push(doubleBits.getUint8(b));
  }

  /** A load or store: its operands are on the stack. `offset`: bytes added to the address. */
  memory(op: number, sizeLog2: number, offset: number): void {
    this.bytes.push(op);
    this.unsigned(sizeLog2);
    this.unsigned(offset);
  }
}

/** i32.const. */
export function intConstant(value: number): number[] {
  const bytes: number[] = [Op.i32Const];
  let rest = value | 0;
  for (; rest < -64 || rest > 63; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest & 0x7f];
}

/**
 * Bytes of instructions, in order, or parts that have them: what larger code is made of goes into it as it is, and all of it is put down
 * as bytes once. A part may stand in many places.
 */
export type Parts = readonly (number | Parts)[];

export interface ModuleParts {
  readonly parameters: readonly Type[];
  readonly result: Type | null;
  readonly locals: readonly Type[];
  readonly code: Parts;
  /** Imported as `m.m`, which threads share; or 'own': one page at first, exported as `memory`. */
  readonly memory: 'shared' | 'own';
}

/** The signature at the beginning, and the version. */
const preamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** Limits of an imported memory that is shared: any size up to 65,536 pages. */
const anySize = [0x03, 0x00, 0x80, 0x80, 0x04];
const [m, run, memoryName] = [textOf('m'), textOf('run'), textOf('memory')];
const importedMemory = section(2, [1, m, m, 2, anySize]);
const ownMemory = section(5, [1, 0, 1]);
const theFunction = section(3, [1, 0]);
const exportedFunction = section(7, [1, run, 0, 0]);
const exportedBoth = section(7, [2, run, 0, 0, memoryName, 2, 0]);

/** A module of one function, exported as `run`. */
export function moduleOf({ parameters, result, locals, code, memory }: ModuleParts): Uint8Array<ArrayBuffer> {
  const own = memory === 'own';
  const results = result === null ? [] : [result];
  const body = flat([unsigned(locals.length), locals.map(type => [1, type]), code, Op.end]);
  const bodyLength = unsigned(body.length);
  const head = flat([
    preamble,
    section(1, [1, 0x60, sized(parameters), sized(results)]),
    own ? [] : importedMemory,
    theFunction,
    own ? [ownMemory, exportedBoth] : exportedFunction,
    ...[10, unsigned(1 + bodyLength.length + body.length), 1, bodyLength],
  ]);
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

/** V8's own loop: one of JavaScript would be new code in each thread, and some milliseconds of its optimiser's time. */
function flat(parts: Parts): number[] {
  return (parts as readonly unknown[]).flat(Number.POSITIVE_INFINITY) as number[];
}

function section(id: number, content: Parts): number[] {
  return [id, ...sized(content)];
}

function sized(content: Parts): number[] {
  const bytes = flat(content);
  return [...unsigned(bytes.length), ...bytes];
}

function textOf(text: string): number[] {
  return sized(Array.from(text, char => char.charCodeAt(0)));
}

/** LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return bytes;
}
