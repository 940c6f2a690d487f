import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';
import { col, len } from '../expr/expr.js';
import { type DataFrame, fromArrow } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';

const executor = new InlineExecutor();
const rows = Array.from({ length: 4000 }, (_, i) => i);
const texts = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32());
const table = new arrow.Table({
  text: arrow.vectorFromArray(
    rows.map(i => `t${i % 7}`),
    texts,
  ),
  own: arrow.vectorFromArray(
    rows.map(i => `o${i}`),
    texts,
  ),
  whole: arrow.makeVector(Int32Array.from(rows, i => i % 7)),
});
const put = fromArrow({ executor }, table, { partitions: 5 });

async function surveys(frame: DataFrame): Promise<number> {
  const before = executor.layers.length;
  const groups = await frame.with({ surveyBytes: 0 }).toRecords();
  expect(groups.reduce((sum, { len: n }) => sum + (n as number), 0)).toBe(4000);
  return executor.layers.slice(before).filter(({ name }) => name.includes('survey')).length;
}

test('groups are not counted where the dictionaries of a table say that there are few', async () => {
  for (const frame of [put, await put.persist()]) {
    expect(await surveys(frame.groupBy('text').agg(len()))).toBe(0);
    expect(await surveys(frame.select(col('text').alias('renamed')).groupBy('renamed').agg(len()))).toBe(0);
    expect(await surveys(frame.groupBy('own').agg(len()))).toBe(1);
    expect(await surveys(frame.groupBy('text', 'whole').agg(len()))).toBe(1);
    expect(await surveys(frame.filter(col('whole').gtEq(0)).groupBy('text').agg(len()))).toBe(1);
  }
});
