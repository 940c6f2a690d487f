import { expect, test } from 'vitest';
import { defaultLinkLimits, Outbox, roughBytes } from './outbox.js';

const bounds = { ...defaultLinkLimits, flushBytes: 100, flushMessages: 3 };

test('a full batch leaves at once, the rest at the end of the turn', async () => {
  const batches: string[][] = [];
  const whens: boolean[] = [];
  const outbox = new Outbox<string>(bounds, endOfTurn => {
    whens.push(endOfTurn);
    for (let batch = outbox.take(); batch; batch = outbox.take()) batches.push([...batch.messages]);
  });
  for (const text of ['a', 'b', 'c', 'd']) outbox.push(text);
  expect(batches).toEqual([['a', 'b', 'c']]);
  await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
  expect(batches).toEqual([['a', 'b', 'c'], ['d']]);
  expect(whens).toEqual([false, true]);
  expect(outbox.bytes).toBe(0);
});

test('what waits comes out in order, in batches within the bounds', () => {
  const outbox = new Outbox<string>(bounds, () => undefined);
  const sent = Array.from({ length: 200_000 }, (_, i) => `${i}`.padEnd(i % 97, 'x'));
  for (const text of sent) outbox.push(text);
  const got: string[] = [];
  for (let batch = outbox.take(); batch; batch = outbox.take()) {
    expect(batch.messages.length).toBeLessThanOrEqual(3);
    if (batch.messages.length > 1) expect(batch.bytes).toBeLessThanOrEqual(100);
    for (const message of batch.messages) got.push(message);
  }
  expect(got).toEqual(sent);
  expect(outbox.bytes).toBe(0);
});

test('sizes are about those on the wire', () => {
  expect(roughBytes({ kind: 'x', indices: new Uint32Array(1000), rows: new Float64Array(1000) })).toBeCloseTo(
    12_020,
    -2,
  );
  expect(roughBytes({ inline: [new Uint8Array(500), null] })).toBeGreaterThan(500);
});
