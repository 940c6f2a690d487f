import { compile } from '../codegen/compile.js';
import type { Column, ValueRange, Values } from './column.js';
import { isHuge, isWide } from './layout.js';

/** Leaves the bounds in `out`: no allocation, and numbers of one kind each. */
type Bounds = (values: Values, rows: number, out: Float64Array) => void;

const text =
  'let a=values[0],b=a;for(let i=1;i<rows;i++){const v=values[i];if(v<a)a=v;else if(v>b)b=v}out[0]=a;out[1]=b;';
const found = new Float64Array(2);

/** True for columns whose values are integers that fit a number: those that have a range. */
export function hasRange({ physical, type }: Pick<Column, 'physical' | 'type'>): boolean {
  switch (physical) {
    case 'i8':
    case 'u8':
    case 'i16':
    case 'u16':
    case 'i32':
    case 'u32':
      return true;
    case 'f64':
      return isWide(type) || isHuge(type);
    default:
      return false;
  }
}

/** The bounds of a column: those it carries, else those of its values (half a nanosecond a row). Undefined: it has none. */
export function rangeOf(column: Column): ValueRange | undefined {
  if (column.length === 0 || !hasRange(column)) return undefined;
  if (column.range !== undefined) return column.range;
  const { physical, values, length } = column;
  // One function per kind of array: shared by all kinds it would be several times slower.
  compile<Bounds>(['values', 'rows', 'out'], `/* range ${physical} */${text}`)(values, length, found);
  return { min: found[0]!, max: found[1]! };
}
