import type { Values } from '../column/column.js';

/**
 * A computed float as it is stored: every NaN with the same bits. Which of them an operation gives depends on whether V8
 * has compiled it yet (Infinity − Infinity has the sign bit in machine code, not in the interpreter).
 */
export function oneNaN(value: number): number {
  return Number.isNaN(value) ? Number.NaN : value;
}

/** The same for all of a column. */
export function oneNaNs(values: Values): void {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) values[i] = Number.NaN;
}
