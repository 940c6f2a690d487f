import { expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { col, len } from '../expr/expr.js';
import { pretendFrame, stagesText } from '../testing/pretend.js';
import { planConstants } from './constants.js';

const schema = [
  { name: 'k', type: DataType.Int64 },
  { name: 'v', type: DataType.Float64 },
];
const MiB = 1024 * 1024;
const small = pretendFrame('small', schema);
const large = pretendFrame('large', schema, [
  { bytes: 100 * MiB },
  { bytes: 100 * MiB },
  { bytes: 100 * MiB },
]);
const lines = (...text: string[]) => text.join('\n');

test('narrow operators are one stage', async () => {
  expect(await stagesText(small.filter(col('k').gt(1)).select(col('v').mul(2)))).toBe(
    lines(
      'stage 0: 2 tasks: scan parquet small [k, v]',
      '  filter (k > 1)',
      '  project v = (v * 2)',
      '  → partition',
    ),
  );
});

test('a small aggregation merges in one task', async () => {
  expect(await stagesText(small.groupBy('k').agg(col('v').sum()))).toBe(
    lines(
      'stage 0: 2 tasks: scan parquet small [k, v]',
      '  aggregate partial by [k]: v = sum(v)',
      '  → partition',
      'stage 1: 1 task: input stage 0 (all of it)',
      '  aggregate final by [k]: v = sum(v)',
      '  → partition',
    ),
  );
});

test('a large one shuffles its partial results', async () => {
  const text = await stagesText(large.groupBy('k').agg(col('v').sum()));
  const fanOut = Math.ceil((300 * MiB) / planConstants.shuffleBytes);
  expect(text).toContain(`→ hash [k] into ${fanOut}`);
  expect(text).toContain(`stage 1: ${fanOut} tasks: input stage 0 (shuffled)`);
});

test('nUnique reduces before it shuffles; without keys there is one task', async () => {
  const text = await stagesText(large.groupBy('k').agg(col('v').nUnique(), len()));
  expect(text).toContain('aggregate partial by [k]: v = nUnique(v), len = len()');
  expect(text).toContain('aggregate final by [k]: v = nUnique(v), len = len()');
  expect(await stagesText(large.select(len()))).toMatch(/stage 1: 1 task[\s\S]*aggregate final by \[\]/);
});

test('a small build side is read by every probe task of one pipeline', async () => {
  const text = await stagesText(large.join(small, { on: 'k' }).filter(col('v').gt(0)));
  expect(text).toBe(
    lines(
      'stage 0: 2 tasks: scan parquet small [k, v]',
      '  → partition',
      'stage 1: 1 task: input stage 0 (all of it)',
      '  project k',
      '  → bounds and up to 64 values, to filter k by k',
      'stage 2: 3 tasks: scan parquet large [k, v]',
      '  filter (v > 0)',
      '  join inner with stage 0 (all of it) on k = k take [v as v_right]',
      '  → partition',
    ),
  );
});

test('the table of a larger broadcast side is built by one task, its other columns put side by side by another', async () => {
  const text = await stagesText(large.join(small, { on: 'k' }), { sharedBuildBytes: 0, filterProbe: false });
  expect(text).toBe(
    lines(
      'stage 0: 2 tasks: scan parquet small [k, v]',
      '  → partition',
      'stage 1: 1 task: input stage 0 (all of it)',
      '  project k',
      '  → table by [k] with []',
      'stage 2: 1 task: input stage 0 (all of it)',
      '  project v',
      '  → records',
      'stage 3: 3 tasks: scan parquet large [k, v]',
      '  join inner with stage 1 (all of it) on k = k take [v as v_right]',
      '  → partition',
    ),
  );
});

test('a left side that is far smaller builds, and the right one probes', async () => {
  expect(await stagesText(small.join(large, { on: 'k' }))).toBe(
    lines(
      'stage 0: 2 tasks: scan parquet small [k, v]',
      '  → partition',
      'stage 1: 3 tasks: scan parquet large [k, v]',
      '  join inner with stage 0 (all of it) on k = k take [k as __left0, v as __left1]',
      '  project k = __left0, v = __left1, v_right = v',
      '  → partition',
    ),
  );
});

test('build rows that nothing matched come from one task each: no broadcast', async () => {
  for (const how of ['right', 'full'] as const) {
    const text = await stagesText(large.join(small, { on: 'k', how }), { filterProbe: false });
    expect(text).toContain(`join ${how} with stage 0 (shuffled)`);
  }
});

test('two large sides are shuffled without measuring the build side', async () => {
  const text = await stagesText(large.join(large, { on: 'k' }));
  expect(text).toContain('stage 0: 3 tasks: scan parquet large [k, v]\n  → hash [k]');
  expect(text).toContain('join inner with stage 0 (shuffled)');
  const forced = await stagesText(small.join(small, { on: 'k' }), { broadcastBytes: 300, fanOut: 3 });
  expect(forced).toMatch(
    /stage 3: 3 tasks: input stage 2 \(shuffled\)\n {2}join inner with stage 1 \(shuffled\)/,
  );
});

test('sort, top-k, limit and tail work on partitions first', async () => {
  expect(await stagesText(small.sort('v').head(3))).toBe(
    lines(
      'stage 0: 2 tasks: scan parquet small [k, v]',
      '  sort v top 3',
      '  → partition',
      'stage 1: 1 task: input stage 0 (all of it)',
      '  sort v top 3',
      '  → partition',
    ),
  );
  expect(await stagesText(small.filter(col('k').gt(0)).limit(3, 1))).toMatch(
    /limit 4\n[\s\S]*limit 3 offset 1/,
  );
  expect(await stagesText(small.tail(2))).toMatch(/tail 2\n[\s\S]*tail 2/);
});

test('one partition needs no second stage', async () => {
  const one = pretendFrame('one', schema, [{}]);
  const text = await stagesText(one.groupBy('k').agg(col('v').sum()).sort('k').head(3));
  expect(text.match(/stage/g)).toHaveLength(1);
  expect(text).toContain('aggregate complete');
});

test('concat keeps the partitions of its branches', async () => {
  const text = await stagesText(small.concat(large));
  expect(text).toContain('stage 2: 5 tasks: input stages 0, 1 (one after another)');
});

test('a source without partitions still has one task', async () => {
  const none = pretendFrame('none', schema, []);
  expect(await stagesText(none.groupBy('k').agg(len()))).toContain('stage 0: 1 partition without rows');
});
