import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { Collector } from './collector.js';

const failure = { name: 'Error', message: 'Boom', stack: '' } as never;
const failed = { kind: 'failed', position: 1, durationUs: 1, failure, system: false, lost: null } as const;

test('what is reported together waits longer, unless a task has failed', () => {
  const collector = new Collector();
  collector.enclosed(0, 1, 1, new Uint8Array(1));
  const soon = limits.threadFlushMs + 1;
  expect([collector.isDue(soon, false), collector.isDue(soon, true)]).toEqual([true, false]);
  expect(collector.isDue(limits.togetherFlushMs + 1, true)).toBe(true);
  collector.other(failed);
  expect([collector.isDue(soon, true), collector.isDue(1, true)]).toEqual([true, false]);
  collector.take(0, 0);
  expect(collector.isDue(soon, true)).toBe(false);
});
