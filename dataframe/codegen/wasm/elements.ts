import { Op } from './module.js';
import type { Element } from './names.js';

const elements: ReadonlyMap<unknown, Element> = new Map<unknown, Element>([
  [Int8Array, 'i8'],
  [Uint8Array, 'u8'],
  [Int16Array, 'i16'],
  [Uint16Array, 'u16'],
  [Int32Array, 'i32'],
  [Uint32Array, 'u32'],
  [Float32Array, 'f32'],
  [Float64Array, 'f64'],
]);

/** Undefined: of an array that kernels do not know. */
export function elementOf(array: ArrayBufferView): Element | undefined {
  return elements.get(array.constructor);
}

/** Elements of typed arrays: how far an index is shifted to be an address, and what loads and stores one. */
export const shiftOf: Readonly<Record<Element, number>> = {
  i8: 0,
  u8: 0,
  i16: 1,
  u16: 1,
  i32: 2,
  u32: 2,
  f32: 2,
  f64: 3,
};

export const loadOf: Readonly<Record<Element, number>> = {
  i8: Op.i32Load8s,
  u8: Op.i32Load8u,
  i16: Op.i32Load16s,
  u16: Op.i32Load16u,
  i32: Op.i32Load,
  u32: Op.i32Load,
  f32: Op.f32Load,
  f64: Op.f64Load,
};

export const storeOf: Readonly<Record<Element, number>> = {
  i8: Op.i32Store8,
  u8: Op.i32Store8,
  i16: Op.i32Store16,
  u16: Op.i32Store16,
  i32: Op.i32Store,
  u32: Op.i32Store,
  f32: Op.f32Store,
  f64: Op.f64Store,
};

export function isFloat(array: Element): boolean {
  return array === 'f64' || array === 'f32';
}
