import type { Code } from './assemble.js';
import { Op, unsigned } from './module.js';
import type { Element } from './names.js';

/** Opcodes of 64-bit integers. */
const Wide = {
  load: 0x29,
  load8: 0x31,
  store: 0x37,
  constant: 0x42,
  eqz: 0x50,
  ne: 0x52,
  ltU: 0x54,
  gtU: 0x56,
  ctz: 0x7a,
  add: 0x7c,
  sub: 0x7d,
  and: 0x83,
  or: 0x84,
  shl: 0x86,
  shrS: 0x87,
  shrU: 0x88,
  rotl: 0x89,
  rotr: 0x8a,
  extendU: 0xad,
  toFloat: 0xb9,
} as const;

const binary =
  (op: number) =>
  (a: Code, b: Code): Code => [a, b, op];

/** Eight bytes, little-endian, at any address. */
export const loadWide = (address: Code, offset = 0): Code => [address, Wide.load, 0, unsigned(offset)];
export const storeWide = (address: Code, value: Code, offset = 0): Code => [
  address,
  value,
  Wide.store,
  0,
  unsigned(offset),
];
/** A byte as a 64-bit integer. */
export const loadWide8 = (address: Code): Code => [address, Wide.load8, 0, 0];

/** A small number. */
export const wide = (value: number): Code => [Wide.constant, value];
export const [andWide, orWide] = [binary(Wide.and), binary(Wide.or)] as const;
export const [addWide, subWide] = [binary(Wide.add), binary(Wide.sub)] as const;
/** Shifts look at the lowest six bits of their second operand, which is of 64 bits, too. */
export const shlWide = binary(Wide.shl);
export const shrWide = binary(Wide.shrU);
/** The sign moves in. */
export const shrWideS = binary(Wide.shrS);
/** Bits that leave at one end come in at the other; counts as those of shifts. */
export const [rotlWide, rotrWide] = [binary(Wide.rotl), binary(Wide.rotr)] as const;
/** 1 or 0, as a 32-bit number. */
export const [neWide, ltUWide, gtUWide] = [binary(Wide.ne), binary(Wide.ltU), binary(Wide.gtU)] as const;
export const isZeroWide = (a: Code): Code => [a, Wide.eqz];
/** A float of 64 bits, exact up to 2^53. */
export const wideAsFloat = (a: Code): Code => [a, Wide.toFloat];

const elementLoads: Partial<Record<Element, number>> = {
  i8: 0x30,
  u8: 0x31,
  i16: 0x32,
  u16: 0x33,
  i32: 0x34,
  u32: 0x35,
};
/** An element of an array of integers as a 64-bit integer. */
export const loadElementWide = (element: Element, address: Code, offset: number): Code => [
  address,
  elementLoads[element]!,
  0,
  unsigned(offset),
];
/** A 32-bit number without sign. */
export const widened = (a: Code): Code => [a, Wide.extendU];
/** The lower half. */
export const narrowed = (a: Code): Code => [a, Op.i32WrapI64];
/** Zero bits below the lowest 1, as a 32-bit number. */
export const trailingZeros = (a: Code): Code => narrowed([a, Wide.ctz]);
