import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';

/** Text that declares `name` as the number in row i of the array `values`. */
export function readText(column: Column, name: string, values: string): string {
  if (column.physical !== 'i64') return `const ${name}=${values}[i];`;
  const sign = column.type.kind === 'uint64' ? '>>>0' : '';
  return `const ${name}=(${values}[2*i+1]${sign})*4294967296+(${values}[2*i]>>>0);`;
}

/** The largest |value| of a column of integers; Infinity for floats and 64-bit integers beyond 2^53. */
export function largestMagnitude(column: Column): number {
  const { physical, type, range, length } = column;
  if (physical === 'i64' || physical === 'f32' || type.kind === 'float64') return Infinity;
  if (range !== undefined) return Math.max(Math.abs(range.min), Math.abs(range.max));
  return compile<(values: unknown, rows: number) => number>(
    ['values', 'rows'],
    `/* magnitude ${physical} */let a=0,b=0;for(let i=0;i<rows;i++){const v=values[i];if(v<a)a=v;if(v>b)b=v;}return Math.max(-a,b);`,
  )(column.values, length);
}
