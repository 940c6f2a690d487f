import type { Code } from './assemble.js';
import { intConstant, Op, unsigned } from './module.js';

/** Code over vectors of 128 bits: what dealing rows out is made of. */

/** Opcodes behind 0xfd. */
const Vector = {
  load: 0,
  store: 11,
  constant: 12,
  splat32: 17,
  lane32: 27,
  xor: 81,
  narrowU32: 134,
  shrS32: 172,
  shrU32: 173,
  add32: 174,
  mul32: 181,
} as const;

const op = (code: number, ...more: number[]): number[] => [0xfd, ...unsigned(code), ...more];
const binary =
  (code: number) =>
  (a: Code, b: Code): Code => [...a, ...b, ...op(code)];
const shifted =
  (code: number) =>
  (a: Code, by: number): Code => [...a, ...intConstant(by), ...op(code)];

export const loadVector = (address: Code, offset = 0): Code => [
  ...address,
  ...op(Vector.load, 0, ...unsigned(offset)),
];
export const storeVector = (address: Code, value: Code, offset = 0): Code => [
  ...address,
  ...value,
  ...op(Vector.store, 0, ...unsigned(offset)),
];
/** Four 32-bit numbers. */
export const vectorOf = (numbers: readonly number[]): Code =>
  op(
    Vector.constant,
    ...numbers.flatMap(n => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, (n >>> 24) & 255]),
  );
export const splat32 = (a: Code): Code => [...a, ...op(Vector.splat32)];
export const lane32 = (a: Code, lane: number): Code => [...a, ...op(Vector.lane32, lane)];
export const xorVectors = binary(Vector.xor);
/** The numbers of both, which are not negative, as 16-bit ones; 65,535 for larger ones. */
export const narrowU32 = binary(Vector.narrowU32);
export const add32 = binary(Vector.add32);
export const mul32 = binary(Vector.mul32);
export const shrS32 = shifted(Vector.shrS32);
export const shrU32 = shifted(Vector.shrU32);

/** Vectors among the variables of a function: they come behind its `others`. */
export function vectorsOf<Name extends string>(names: readonly Name[], others: number) {
  const place = (name: Name) => others + names.indexOf(name);
  return {
    get: (name: Name): Code => [Op.localGet, place(name)],
    set: (name: Name, value: Code): Code => [...value, Op.localSet, place(name)],
  };
}
