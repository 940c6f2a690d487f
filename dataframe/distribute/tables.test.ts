import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { type DataFrame, fromRecords } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const executor = new InlineExecutor();
const records = Array.from({ length: 100 }, (_, i) => ({ i }));

/** The frame it comes from is out of reach when it returns. */
function persisted(): Promise<DataFrame> {
  return fromRecords({ executor }, records, { partitions: 4 }).persist();
}

// Goal: when a worker is lost, a persisted frame is computed again, for which its source must still be stored.
test('a persisted frame keeps the records it came from, until it is released', async () => {
  const kept = await persisted();
  expect(executor.storedResults()).toBe(8);
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await turn();
  }
  expect(executor.storedResults()).toBe(8);
  await kept.release();
  while (executor.storedResults() > 0) {
    collectGarbage();
    await turn();
  }
  await expect(kept.count()).rejects.toMatchObject({ code: 'RELEASED' });
  expect((await kept.schema()).map(field => field.name)).toEqual(['i']);
});
