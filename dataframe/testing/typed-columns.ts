import { DataType } from '../column/datatype.js';
import { col, type Expr } from '../expr/expr.js';
import type { DataFrame } from '../frame.js';
import type { Cell } from './judge.js';

/**
 * Columns of the types that records do not have, made alike here and in SQL from two that they have: `m`, whole numbers
 * from 0 to 99, and `at`, times; and from `x`, floats.
 */
const derived: Readonly<Record<string, readonly [Expr, string]>> = {
  i8: [col('m').sub(50).cast(DataType.Int8), '(m - 50)::tinyint'],
  u8: [col('m').mul(2).cast(DataType.UInt8), '(m * 2)::utinyint'],
  i16: [col('m').mul(-300).cast(DataType.Int16), '(m * -300)::smallint'],
  u16: [col('m').mul(600).cast(DataType.UInt16), '(m * 600)::usmallint'],
  i32: [col('m').mul(-20_000_000).cast(DataType.Int32), '(m * -20000000)::integer'],
  u32: [col('m').mul(40_000_000).cast(DataType.UInt32), '(m * 40000000)::uinteger'],
  u64: [
    col('m')
      .mul(2 ** 46)
      .cast(DataType.UInt64),
    `(m * ${2 ** 46})::ubigint`,
  ],
  f32: [col('x').cast(DataType.Float32), 'x::float'],
  day: [col('at').cast(DataType.Date), '"at"::date'],
};

export const derivedNames: readonly string[] = Object.keys(derived);

/** The columns of `from`, and these of the derived ones behind them. */
export function derivedSql(from: string, names = derivedNames): string {
  return `(select *${names.map(name => `, ${derived[name]![1]} as ${name}`).join('')} from ${from})`;
}

export function withDerived(frame: DataFrame, names = derivedNames): DataFrame {
  return names.length === 0 ? frame : frame.withColumns(...names.map(name => derived[name]![0].alias(name)));
}

/** What they are derived from, for a row with key `k`. */
export function derivedFrom(k: number): { readonly m: Cell; readonly at: Cell } {
  return { m: BigInt(k % 100), at: new Date(Date.UTC(1969, 11, 25) + (k % 200) * 7 * 3_600_123) };
}
