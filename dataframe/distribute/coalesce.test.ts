import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { col } from '../expr/expr.js';
import { fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { testSeed } from '../testing/random-batch.js';
import { memoryPartitionRows, planConstants, scanTaskRows, taskRows } from './constants.js';

const seed = testSeed();

function rowsOf(count: number) {
  const random = seededRng(seed);
  return Array.from({ length: count }, (_, i) => ({ k: `k${Math.floor(random() * 9)}`, v: i, f: random() }));
}

test('several partitions become the input of one task: the answer stays, the stages have fewer tasks', async () => {
  const executor = new InlineExecutor();
  const frame = fromRecords({ executor }, rowsOf(400), { partitions: 20 });
  const asked = (taskRows: number) =>
    frame.with({ taskRows, fanOut: 2 }).groupBy('k').agg(col('v').sum(), col('f').min().alias('m')).sort('k');
  const one = await asked(1).toRecords();
  expect(executor.layers.map(layer => layer.count)).toContain(20);
  executor.layers.length = 0;
  const many = await asked(100).toRecords();
  const mapped = executor.layers.find(layer => layer.rules.includes('group'))!;
  expect(mapped.count).toBe(4);
  expect(many).toEqual(one);
});

test('a layer of one group is one task and needs no shuffle', async () => {
  const executor = new InlineExecutor();
  const frame = fromRecords({ executor }, rowsOf(50), { partitions: 5 });
  const asked = frame.with({ taskRows: 50 }).groupBy('k').agg(col('v').sum()).sort('k');
  const expected = await fromRecords({ executor }, rowsOf(50))
    .groupBy('k')
    .agg(col('v').sum())
    .sort('k')
    .toRecords();
  executor.layers.length = 0;
  expect(await asked.toRecords()).toEqual(expected);
  expect(executor.layers.every(layer => layer.slices === 1)).toBe(true);
});

test('rows of a task: a sixteenth of the data, within bounds that depend on nothing else', () => {
  expect(taskRows(10)).toBe(planConstants.minTaskRows);
  expect(taskRows(16_000_000)).toBe(1_000_000);
  expect(taskRows(1e9)).toBe(planConstants.maxTaskRows);
  expect(scanTaskRows(1e6)).toBe(250_000);
  expect(scanTaskRows(5e6)).toBe(833_334);
  expect(scanTaskRows(1e7)).toBe(1_000_000);
  expect(scanTaskRows(1e9)).toBe(planConstants.maxTaskRows);
  expect(memoryPartitionRows(1e7, 9)).toBe(625_000);
  expect(memoryPartitionRows(1e9, 100)).toBe(Math.floor(planConstants.memoryPartitionBytes / 800));
  expect(memoryPartitionRows(0, 0)).toBe(planConstants.minTaskRows);
});
