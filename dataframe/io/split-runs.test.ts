import { expect, test } from 'vitest';
import type { Split } from './source.js';
import { splitsByFile, splitsUpTo } from './split-runs.js';

const splits = ['a 3', 'a 4', 'a 9', 'b 1', 'a 2', 'a 30', 'a 5', 'a 5'].map((text): Split => {
  const [path, rows] = text.split(' ') as [string, string];
  return { path, rowGroup: 0, start: 0, end: 0, rows: Number(rows), bytes: 0, statistics: null };
});
const shown = (runs: readonly (readonly Split[])[]) =>
  runs.map(run => `${run[0]!.path} ${run.map(({ rows }) => rows).join('+')}`);

test('splits of one file one after another', () => {
  expect(shown(splitsByFile(splits))).toEqual(['a 3+4+9', 'b 1', 'a 2+30+5+5']);
  expect(splitsByFile([])).toEqual([]);
});

test('as many as have so many rows, one at least', () => {
  expect(shown(splitsUpTo(10, splits))).toEqual(['a 3+4', 'a 9', 'b 1', 'a 2', 'a 30', 'a 5+5']);
  expect(shown(splitsUpTo(16, splits))).toEqual(['a 3+4+9', 'b 1', 'a 2', 'a 30', 'a 5+5']);
  expect(splitsUpTo(10, [])).toEqual([]);
});
