import { compile } from '../codegen/compile.js';
import type { Column, ValueRange } from '../column/column.js';

/** Text that declares `name` as the number in row i of the array `values`. */
export function readText(column: Column, name: string, values: string): string {
  if (column.physical !== 'i64') return `const ${name}=${values}[i];`;
  const sign = column.type.kind === 'uint64' ? '>>>0' : '';
  return `const ${name}=(${values}[2*i+1]${sign})*4294967296+(${values}[2*i]>>>0);`;
}

/** The largest |value| of a column of integers; Infinity for floats and 64-bit integers beyond 2^53. */
export function largestMagnitude(column: Column): number {
  const { min, max } = integerBounds(column);
  return Math.max(-min, max);
}

/** Bounds of a column of integers, 0 included; infinite for floats and 64-bit integers beyond 2^53. */
export function integerBounds(column: Column): ValueRange {
  const { physical, type, range, values, length } = column;
  if (physical === 'i64' || physical === 'f32' || type.kind === 'float64') return everything;
  if (range !== undefined) return { min: Math.min(0, range.min), max: Math.max(0, range.max) };
  const out = new Float64Array(2);
  compile<(values: unknown, rows: number, out: Float64Array) => void>(
    ['values', 'rows', 'out'],
    `/* bounds ${physical} */let a=0,b=0;for(let i=0;i<rows;i++){const v=values[i];if(v<a)a=v;if(v>b)b=v;}out[0]=a;out[1]=b;`,
  )(values, length, out);
  return { min: out[0]!, max: out[1]! };
}

const everything: ValueRange = { min: -Infinity, max: Infinity };
