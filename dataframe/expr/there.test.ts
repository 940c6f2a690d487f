import { expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { col, type Expr, lit } from './expr.js';
import { columnsThere } from './there.js';

test.each<[string, Expr, string[]]>([
  ['a comparison', col('a').gt(1), ['a']],
  ['of two columns', col('a').add(col('b')).ltEq(col('c').cast(DataType.Int32)), ['a', 'b', 'c']],
  ['asked for', col('a').isNotNull(), ['a']],
  [
    'both',
    col('a')
      .eq('x')
      .and(col('b').isNotNull().and(col('c'))),
    ['a', 'b', 'c'],
  ],
  ['one of two', col('a').gt(1).or(col('b').gt(1)), []],
  ['nulls are looked for', col('a').isNull(), []],
  ['what a null becomes', col('a').fillNull(lit(1)).gt(0), []],
  ['neither of two', col('a').and(col('b')).not(), []],
])('%s', (_name, condition, columns) => {
  expect([...columnsThere(condition.node)]).toEqual(columns);
});
