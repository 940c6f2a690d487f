import { expect, test } from 'vitest';
import { DataType } from './column/datatype.js';
import { col, lit } from './expr/expr.js';
import { fromRecords } from './frame.js';
import { InlineExecutor } from './testing/inline-executor.js';

const host = { executor: new InlineExecutor() };

test('smoke', async () => {
  const schema = { a: DataType.Decimal(10, 2), b: DataType.Decimal(38, 4) };
  const df = fromRecords(host, [
    { a: '1.25', b: '1234567890123456789012345678.1234', k: 1n },
    { a: '-0.05', b: null, k: 2n },
    { a: 3, b: '0.0001', k: 1n },
  ], { schema });
  await df.show();
  const out = df.select(col('a'), col('a').add(col('b')).alias('ab'), col('a').mul(2.5).alias('m'), lit(1).sub(col('a')).alias('s'), col('a').round(1).alias('r'), col('a').gt(0.5).alias('g'), col('b').cast(DataType.Utf8).alias('t'), col('a').div(col('k')).alias('d'), col('a').cast(DataType.Int32).alias('i'));
  console.log(await out.schema());
  console.log(await out.toRecords());
  console.log(await df.groupBy('k').agg(col('a').sum().alias('sa'), col('b').sum().alias('sb'), col('b').max().alias('mb'), col('a').mean().alias('avg'), col('b').median().alias('med')).sort('k').toRecords());
  console.log(await df.sort('b').toRecords());
  console.log((await df.collect()).toString());
  expect(1).toBe(1);
});
