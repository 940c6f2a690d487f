import { Op } from './module.js';

/** Of 32-bit integers. */
export const bitOperators: Readonly<Record<string, number>> = {
  '|': Op.i32Or,
  '&': Op.i32And,
  '^': Op.i32Xor,
  '<<': Op.i32Shl,
  '>>': Op.i32ShrS,
  '>>>': Op.i32ShrU,
};

export const wholeOperators: Readonly<Record<string, number>> = {
  '+': Op.i32Add,
  '-': Op.i32Sub,
  '*': Op.i32Mul,
};

export const doubleOperators: Readonly<Record<string, number>> = {
  '+': Op.f64Add,
  '-': Op.f64Sub,
  '*': Op.f64Mul,
  '/': Op.f64Div,
};

/** For signed integers, and for floats. */
export const comparisons: Readonly<Record<string, readonly [number, number]>> = {
  '<': [Op.i32LtS, Op.f64Lt],
  '>': [Op.i32GtS, Op.f64Gt],
  '<=': [Op.i32LeS, Op.f64Le],
  '>=': [Op.i32GeS, Op.f64Ge],
  '===': [Op.i32Eq, Op.f64Eq],
  '!==': [Op.i32Ne, Op.f64Ne],
};

export const mathOperators: Readonly<Record<string, number>> = {
  abs: Op.f64Abs,
  ceil: Op.f64Ceil,
  floor: Op.f64Floor,
  trunc: Op.f64Trunc,
  sqrt: Op.f64Sqrt,
  min: Op.f64Min,
  max: Op.f64Max,
};
