import { expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { col, len } from '../expr/expr.js';
import { fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';

const rows = Array.from({ length: 40 }, (_, i) => ({ id: i, s: i === 33 ? 'no number' : String(i) }));

function frames() {
  const executor = new InlineExecutor();
  return { executor, frame: fromRecords({ executor }, rows, { partitions: 4 }) };
}

test('a failure deep in the plan is the one that is told', async () => {
  const { executor, frame } = frames();
  const parsed = frame.withColumns(col('s').cast(DataType.Int64));
  const asked = parsed
    .join(parsed, { on: 's' })
    .groupBy('s')
    .agg(len())
    .sort('s')
    .with({ fanOut: 3, broadcastBytes: 0 });
  await expect(asked.toRecords()).rejects.toMatchObject({
    code: 'CAST_FAILED',
    data: { value: 'no number' },
  });
  expect(executor.storedResults()).toBe(4);
});

test('partitions are put once for all plans over a frame', async () => {
  const { executor, frame } = frames();
  expect(await frame.count()).toBe(40);
  expect(await frame.join(frame, { on: 'id' }).count()).toBe(40);
  expect(executor.storedResults()).toBe(4);
});

test('what a later stage has read is given up before the run ends', async () => {
  const { executor, frame } = frames();
  const grouped = frame.groupBy('s').agg(len()).with({ fanOut: 2 });
  const seen: number[] = [];
  for await (const batch of grouped.batches()) {
    seen.push(batch.numRows);
    // The frame's 4 partitions and the 2 results; the 4 partial aggregates are gone.
    expect(executor.storedResults()).toBe(6);
  }
  expect(seen.reduce((a, b) => a + b, 0)).toBe(40);
  expect(executor.storedResults()).toBe(4);
});

test('rows that are wanted as they lie need no stage', async () => {
  const { executor, frame } = frames();
  expect((await frame.collect()).numRows).toBe(40);
  expect(executor.layers).toEqual([]);
  await frame.filter(col('id').gt(3)).select('id').collect();
  expect(executor.layers.map(layer => layer.name)).toEqual(['input project filter']);
});
