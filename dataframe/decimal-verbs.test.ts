import { expect, test } from 'vitest';
import { DataType } from './column/datatype.js';
import { col, concatStr, len } from './expr/expr.js';
import { DataFrame, fromRecords } from './frame.js';
import { InlineExecutor } from './testing/inline-executor.js';

const host = { executor: new InlineExecutor() };
const nines = '9'.repeat(30);
const records = [
  { k: 'a', v: '1.50', w: '0.25', h: nines },
  { k: 'a', v: '-2.00', w: null, h: '7' },
  { k: 'b', v: null, w: '0.50', h: `-${nines}` },
  { k: 'b', v: '1.50', w: '0.25', h: '7' },
];
const schema = {
  v: DataType.Decimal(8, 2),
  w: DataType.Decimal(4, 2),
  h: DataType.Decimal(38, 0),
};
const frame = fromRecords(host, records, { schema, partitions: 2 });

test('explain shows decimals as they are written', async () => {
  const plan = await frame
    .filter(
      col('v')
        .gt(0.005)
        .and(col('h').lt(10n ** 18n)),
    )
    .explain();
  expect(plan).toContain('v > 0.005');
  expect(plan).toContain('h < 1000000000000000000');
});

test('reshaping verbs carry decimals', async () => {
  const long = frame.unpivot({ index: 'k', on: ['v', 'w'] });
  expect(await long.filter(col('value').isNotNull()).sort('k', 'variable', 'value').toRecords()).toEqual([
    { k: 'a', variable: 'v', value: '-2.00' },
    { k: 'a', variable: 'v', value: '1.50' },
    { k: 'a', variable: 'w', value: '0.25' },
    { k: 'b', variable: 'v', value: '1.50' },
    { k: 'b', variable: 'w', value: '0.25' },
    { k: 'b', variable: 'w', value: '0.50' },
  ]);
  const wide = await frame
    .pivot({ index: 'k', on: 'w', values: 'h', aggregate: 'max' })
    .sort('k')
    .toRecords();
  expect(wide).toEqual([
    { k: 'a', '0.25': nines, '0.50': null, null: '7' },
    { k: 'b', '0.25': '7', '0.50': `-${nines}`, null: null },
  ]);
  const summed = await frame
    .pivot({ index: 'k', on: 'h', values: 'v', aggregate: 'sum' })
    .sort('k')
    .toRecords();
  expect(summed).toEqual([
    { k: 'a', [`-${nines}`]: null, 7: '-2.00', [nines]: '1.50' },
    { k: 'b', [`-${nines}`]: '0.00', 7: '1.50', [nines]: null },
  ]);
});

test('lists of decimals: items, membership, explode', async () => {
  const lists = frame.groupBy('k').agg(col('v').list().alias('v'), col('h').list().alias('h'));
  const rows = lists
    .sort('k')
    .select(
      'k',
      col('v').list.get(0).alias('first'),
      col('h').list.contains(7).alias('seven'),
      col('v').list.contains(1.5).alias('half'),
      'h',
    );
  expect(await rows.toRecords()).toEqual([
    { k: 'a', first: '1.50', seven: true, half: true, h: [nines, '7'] },
    { k: 'b', first: '1.50', seven: true, half: true, h: [`-${nines}`, '7'] },
  ]);
  const back = await lists.sort('k').select('k', 'h').explode('h').toRecords();
  expect(back.map(row => row.h)).toEqual([nines, '7', `-${nines}`, '7']);
  expect((await lists.sort('k').collect()).getChild('h')!.get(0)!.length).toBe(2);
});

test('counts, descriptions, nulls and text of decimals', async () => {
  expect(await frame.valueCounts('h').toRecords()).toEqual([
    { h: '7', count: 2 },
    { h: `-${nines}`, count: 1 },
    { h: nines, count: 1 },
  ]);
  const described = await frame.select('v').describe().toRecords();
  expect(described.find(row => row.statistic === 'min')).toEqual({ statistic: 'min', v: -2 });
  expect(described.find(row => row.statistic === 'mean')!.v).toBeCloseTo(1 / 3, 12);
  const filled = await frame.fillNull(0).select('v', 'w').toRecords();
  expect(filled[1]).toEqual({ v: '-2.00', w: '0.00' });
  const text = await frame.select(concatStr([col('v'), col('h')], ' ').alias('t')).toRecords();
  expect(text[0]).toEqual({ t: `1.50 ${nines}` });
  expect(await frame.dropNulls('v', 'w').select(len().alias('n')).toRecords()).toEqual([{ n: 2 }]);
});

test('frames of different decimals are concatenated to one type', async () => {
  const whole = fromRecords(host, [{ v: 3n }]);
  const both = DataFrame.concat([frame.select('v'), whole]);
  expect(await both.schema()).toEqual([{ name: 'v', type: DataType.Decimal(21, 2) }]);
  expect((await both.toRecords()).at(-1)).toEqual({ v: '3.00' });
  const scaled = DataFrame.concat([frame.select(col('w').alias('v')), frame.select(col('h').alias('v'))]);
  await expect(scaled.schema()).rejects.toMatchObject({ code: 'TYPE_MISMATCH' });
});
