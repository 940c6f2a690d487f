import { afterAll, expect, test } from 'vitest';
import { packValidity } from '../column/bitmap.js';
import type { Batch, Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { col, type Expr, lit } from '../expr/expr.js';
import { condition, scopeOf } from '../expr/typing.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { countInstances } from '../testing/wasm-instances.js';
import { selectRows } from './evaluate.js';

const rows = 100_003;
workInKernelMemory(8 * 1024 * 1024, 16 * 1024 * 1024, 1);
const instances = countInstances();
afterAll(() => instances.stop());

const numbers = Float64Array.from({ length: rows }, (_, i) => (i * 7919) % 1000);
const flags = Uint8Array.from(numbers, (_, i) => (i % 3 === 0 ? 0 : 1));
const f64 = {
  type: DataType.Float64,
  physical: 'f64',
  length: rows,
  values: numbers,
  dictionary: null,
} as const;
const columns: Column[] = [
  { ...f64, validity: null, nullCount: 0 },
  { ...f64, ...packValidity(flags, rows) },
];
const schema = ['a', 'b'].map(name => ({ name, type: DataType.Float64 }));
const batch: Batch = { schema, rows, columns };

// Goal: the rows that are chosen are the same in both forms of the loop, and in those that have one only.
test.each<[string, Expr, (i: number) => boolean, boolean]>([
  ['few', col('a').gt(990), i => numbers[i]! > 990, true],
  ['most', col('a').ltEq(990), i => numbers[i]! <= 990, true],
  ['none', col('a').lt(0), () => false, true],
  ['with nulls', col('b').gt(500), i => numbers[i]! > 500 && flags[i] === 1, true],
  [
    'a condition of two',
    col('a').gt(10).and(col('a').lt(20)),
    i => numbers[i]! > 10 && numbers[i]! < 20,
    true,
  ],
  [
    'nulls of two',
    col('b').gt(500).or(col('b').lt(100).not()),
    i => flags[i] === 1 && (numbers[i]! > 500 || numbers[i]! >= 100),
    true,
  ],
  ['null or not', col('b').gt(500).or(lit(true)), () => true, false],
])('%s', (_name, expr, wanted, translated) => {
  const predicate = condition(expr.node, scopeOf(schema, 'filter'), 'filter');
  const before = instances.made;
  const { at, rows: count } = selectRows(predicate, batch);
  if (translated) expect(instances.made - before).toBe(1);
  const expected = Array.from(numbers.keys()).filter(wanted);
  expect(count).toBe(expected.length);
  expect(Array.from(at.subarray(0, count))).toEqual(expected);
});
