/** Opcodes of WebAssembly (core specification 2.0, 5.4) that kernels are made of. */
export const Op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Load: 0x28,
  f32Load: 0x2a,
  f64Load: 0x2b,
  i32Load8s: 0x2c,
  i32Load8u: 0x2d,
  i32Load16s: 0x2e,
  i32Load16u: 0x2f,
  i32Store: 0x36,
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
  i32GtS: 0x4a,
  i32LeS: 0x4c,
  i32GeS: 0x4e,
  f64Eq: 0x61,
  f64Ne: 0x62,
  f64Lt: 0x63,
  f64Gt: 0x64,
  f64Le: 0x65,
  f64Ge: 0x66,
  i32Clz: 0x67,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
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
} as const;

export const Type = { i32: 0x7f, f64: 0x7c, none: 0x40 } as const;
export type Type = (typeof Type)[keyof typeof Type];

/** Limits of the memory: any size up to 65,536 pages. */
const sharedMemory = [0x03, 0x00, 0x80, 0x80, 0x04];
const ownMemory = [0x01, 0x00, 0x80, 0x80, 0x04];

const doubleBits = new DataView(new ArrayBuffer(8));

/** Bytes of one function's body. */
export class Code {
  readonly bytes: number[] = [];

  op(...bytes: number[]): void {
    this.bytes.push(...bytes);
  }

  /** LEB128. */
  unsigned(value: number): void {
    pushUnsigned(this.bytes, value);
  }

  local(op: number, index: number): void {
    this.bytes.push(op);
    this.unsigned(index);
  }

  int(value: number): void {
    this.bytes.push(Op.i32Const);
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      const last = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
      this.bytes.push(last ? low : low | 0x80);
      if (last) return;
    }
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

/** A module of one function `run`, over a memory that it imports as `m.m`, which threads share or not. */
export function moduleOf(
  parameters: readonly Type[],
  result: Type | null,
  locals: readonly Type[],
  code: Code,
  shared: boolean,
): Uint8Array<ArrayBuffer> {
  const type = [0x60, ...vector(parameters), ...vector(result === null ? [] : [result])];
  const declared: number[] = [];
  pushUnsigned(declared, locals.length);
  for (const local of locals) declared.push(1, local);
  const body = [...declared, ...code.bytes, Op.end];
  const bodySize: number[] = [];
  pushUnsigned(bodySize, body.length);
  const name = (text: string) => vector([...text].map(char => char.charCodeAt(0)));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, ...type]),
    ...section(2, [1, ...name('m'), ...name('m'), 0x02, ...(shared ? sharedMemory : ownMemory)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('run'), 0x00, 0]),
    ...section(10, [1, ...bodySize, ...body]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...vector(content)];
}

function vector(content: readonly number[]): number[] {
  const size: number[] = [];
  pushUnsigned(size, content.length);
  return [...size, ...content];
}

function pushUnsigned(bytes: number[], value: number): void {
  let rest = value >>> 0;
  while (rest >= 0x80) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
}
