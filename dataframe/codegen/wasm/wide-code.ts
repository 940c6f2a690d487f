import type { Code } from './assemble.js';
import { Op } from './module.js';

/** Opcodes of 64-bit integers. */
const Wide = {
  load: 0x29,
  load8: 0x31,
  constant: 0x42,
  ctz: 0x7a,
  or: 0x84,
  shl: 0x86,
  shrU: 0x88,
  extendU: 0xad,
} as const;

const binary =
  (op: number) =>
  (a: Code, b: Code): Code => [a, b, op];

/** Eight bytes, little-endian, at any address. */
export const loadWide = (address: Code): Code => [address, Wide.load, 0, 0];
/** A byte as a 64-bit integer. */
export const loadWide8 = (address: Code): Code => [address, Wide.load8, 0, 0];

/** A small number. */
export const wide = (value: number): Code => [Wide.constant, value];
export const orWide = binary(Wide.or);
/** Shifts look at the lowest six bits of their second operand, which is of 64 bits, too. */
export const shlWide = binary(Wide.shl);
export const shrWide = binary(Wide.shrU);
/** A 32-bit number without sign. */
export const widened = (a: Code): Code => [a, Wide.extendU];
/** The lower half. */
export const narrowed = (a: Code): Code => [a, Op.i32WrapI64];
/** Zero bits below the lowest 1, as a 32-bit number. */
export const trailingZeros = (a: Code): Code => narrowed([a, Wide.ctz]);
