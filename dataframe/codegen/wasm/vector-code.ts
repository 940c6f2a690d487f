import type { Code } from './assemble.js';
import { intConstant, Op, unsigned } from './module.js';

/** Opcodes behind 0xfd: vectors of 128 bits, of bytes, of 16-bit and of 32-bit integers. */
const Vector = {
  load: 0,
  loadS8: 1,
  loadU8: 2,
  loadSplat8: 7,
  store: 11,
  constant: 12,
  shuffle: 13,
  swizzle: 14,
  splat8: 15,
  splat16: 16,
  splat32: 17,
  lane32: 27,
  equal8: 35,
  equal16: 45,
  equal32: 55,
  moreS32: 59,
  equalF64: 71,
  and: 78,
  andNot: 79,
  or: 80,
  xor: 81,
  choose: 82,
  loadLane8: 84,
  storeLane8: 88,
  load32: 92,
  load64: 93,
  anyTrue: 83,
  signs8: 100,
  narrowU16: 102,
  sub8: 113,
  subSatU8: 115,
  pairsU8: 125,
  pairsU16: 127,
  narrowU32: 134,
  lowU8: 137,
  highU8: 138,
  shrU16: 141,
  add16: 142,
  subSatU16: 147,
  mul16: 149,
  signs32: 164,
  lowU16: 169,
  highU16: 170,
  shl32: 171,
  shrS32: 172,
  shrU32: 173,
  add32: 174,
  mul32: 181,
  addF64: 240,
  subF64: 241,
  mulF64: 242,
} as const;

function op(code: number, ...more: Code): Code {
  return [0xfd, unsigned(code), ...more];
}

function unary(code: number) {
  const known = op(code);
  return (a: Code): Code => [a, known];
}

function binary(code: number) {
  const known = op(code);
  return (a: Code, b: Code): Code => [a, b, known];
}

export function loadVector(address: Code, offset = 0): Code {
  return [address, op(Vector.load, 0, unsigned(offset))];
}

/** Eight bytes as 16-bit numbers. */
export function loadBytes16(address: Code, signed: boolean, offset = 0): Code {
  return [address, op(signed ? Vector.loadS8 : Vector.loadU8, 0, unsigned(offset))];
}

/** A byte sixteen times. */
export function loadSplat8(address: Code, offset = 0): Code {
  return [address, op(Vector.loadSplat8, 0, unsigned(offset))];
}
/** Eight bytes, and zeros behind them. */
export function load64(address: Code, offset: number): Code {
  return [address, op(Vector.load64, 0, unsigned(offset))];
}

/** Four bytes, and zeros behind them. */
export function load32Zero(address: Code, offset: number): Code {
  return [address, op(Vector.load32, 0, unsigned(offset))];
}

/** The vector, where 1, 2, 4 or 8 bytes are those that lie `offset` behind the address. */
export function loadLane(sizeLog2: number, address: Code, vector: Code, offset: number, lane: number): Code {
  return [address, vector, op(Vector.loadLane8 + sizeLog2, 0, unsigned(offset), lane)];
}

/** Stores 1, 2, 4 or 8 bytes of the vector. */
export function storeLane(sizeLog2: number, address: Code, value: Code, offset: number, lane: number): Code {
  return [address, value, op(Vector.storeLane8 + sizeLog2, 0, unsigned(offset), lane)];
}

export function storeVector(address: Code, value: Code, offset = 0): Code {
  return [address, value, op(Vector.store, 0, unsigned(offset))];
}

/** Sixteen bytes as they are. */
export const vectorOf = (bytes: readonly number[]): Code => op(Vector.constant, bytes);
/** Four 32-bit numbers. */
export function vectorOf32(numbers: readonly number[]): Code {
  return vectorOf([...new Uint8Array(Int32Array.from(numbers).buffer)]);
}
/** Byte i is byte from[i] of the two, the second's being 16 and more. */
export const mixed = (a: Code, b: Code, from: readonly number[]): Code => [a, b, op(Vector.shuffle, ...from)];
/** Byte i is byte from[i] of the vector. */
export function shuffled(a: Code, from: readonly number[]): Code {
  return mixed(a, vectorOf(new Array<number>(16).fill(0)), from);
}
/** Byte i is byte b[i] of a, or 0 where b[i] is 16 or more. */
export const swizzled = binary(Vector.swizzle);
export const splat8 = unary(Vector.splat8);
export const splat16 = unary(Vector.splat16);
export const splat32 = unary(Vector.splat32);
export const lane32 = (a: Code, lane: number): Code => [a, op(Vector.lane32, lane)];
/** All bits of a lane are 1 where it holds, else 0. */
export const [equal8, equal16, equal32, isMoreS32] = [
  binary(Vector.equal8),
  binary(Vector.equal16),
  binary(Vector.equal32),
  binary(Vector.moreS32),
] as const;
/** The highest bits of all lanes, an integer. */
export const [signs8, signs32] = [unary(Vector.signs8), unary(Vector.signs32)] as const;
export const andVectors = binary(Vector.and);
/** a & ~b. */
export const andNotVectors = binary(Vector.andNot);
export const orVectors = binary(Vector.or);
export const xorVectors = binary(Vector.xor);
/** Bits of a where those of `mask` are 1, else of b. */
export const chosen = (mask: Code, a: Code, b: Code): Code => [a, b, mask, op(Vector.choose)];
/** An integer. */
export const anyTrue = unary(Vector.anyTrue);
/** The 16-bit numbers of both, less than 2^15, as bytes; 255 for larger ones. */
export const narrowU16 = binary(Vector.narrowU16);
/** The numbers of both, which are not negative, as 16-bit ones; 65,535 for larger ones. */
export const narrowU32 = binary(Vector.narrowU32);
export const sub8 = binary(Vector.sub8);
export const subSatU8 = binary(Vector.subSatU8);
export const subSatU16 = binary(Vector.subSatU16);
/** Sums of two neighbours each, in twice as many bits. */
export const [pairsU8, pairsU16] = [unary(Vector.pairsU8), unary(Vector.pairsU16)] as const;
export const [lowU8, highU8] = [unary(Vector.lowU8), unary(Vector.highU8)] as const;
export const [lowU16, highU16] = [unary(Vector.lowU16), unary(Vector.highU16)] as const;
export const [add16, mul16, mul32, add32] = [
  binary(Vector.add16),
  binary(Vector.mul16),
  binary(Vector.mul32),
  binary(Vector.add32),
] as const;

/** Of two floats of 64 bits. */
export const [addF64, subF64, mulF64, equalF64] = [
  binary(Vector.addF64),
  binary(Vector.subF64),
  binary(Vector.mulF64),
  binary(Vector.equalF64),
] as const;
/** A float twice. */
export function floatVector(value: number): Code {
  return vectorOf([...new Uint8Array(Float64Array.of(value, value).buffer)]);
}

const shifted =
  (code: number) =>
  (a: Code, by: number | Code): Code => [a, typeof by === 'number' ? intConstant(by) : by, op(code)];
export const [shrU16, shrU32, shrS32, shl32] = [
  shifted(Vector.shrU16),
  shifted(Vector.shrU32),
  shifted(Vector.shrS32),
  shifted(Vector.shl32),
] as const;

/** Vectors among the variables of a function: they come behind its `others`. */
export function vectorsOf<Name extends string>(names: readonly Name[], others: number) {
  const place = (name: Name) => others + names.indexOf(name);
  return {
    get: (name: Name): Code => [Op.localGet, place(name)],
    set: (name: Name, value: Code): Code => [value, Op.localSet, place(name)],
  };
}
