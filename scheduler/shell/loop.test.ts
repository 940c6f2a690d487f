import { expect, test } from 'vitest';
import type { Event } from '../state/api.js';
import { Loop, type LoopSteps } from './loop.js';

const tick: Event = { kind: 'tick' };

function recorder(overrides: Partial<LoopSteps> = {}): LoopSteps & { readonly did: string[] } {
  const did: string[] = [];
  return {
    did,
    handle: event => did.push(event.kind),
    place: () => did.push('place'),
    flush: () => did.push('flush'),
    fatal: error => did.push(`fatal ${(error as Error).message}`),
    ...overrides,
  };
}

const nextTurn = () => new Promise(resolve => setImmediate(resolve));

// Goal: work per batch, not per event.
test('a turn is one drain: every event, then one placement, then one flush', async () => {
  const steps = recorder();
  const loop = new Loop(steps);
  loop.push(tick);
  loop.push({ kind: 'retry-due', ticket: { job: 1, index: 1, attempt: 2 } });
  expect(steps.did).toEqual([]);
  await nextTurn();
  expect(steps.did).toEqual(['tick', 'retry-due', 'place', 'flush']);
  await nextTurn();
  expect(steps.did).toHaveLength(4);
});

test('what is pushed during a drain waits for the next', async () => {
  let again = true;
  const steps = recorder();
  const loop = new Loop({
    ...steps,
    place() {
      steps.did.push('place');
      if (again) loop.push(tick);
      again = false;
    },
  });
  loop.push(tick);
  await nextTurn();
  await nextTurn();
  expect(steps.did).toEqual(['tick', 'place', 'flush', 'tick', 'place', 'flush']);
});

test('a bug stops the loop, loudly', async () => {
  const steps = recorder({
    handle() {
      throw new Error('boom');
    },
  });
  const loop = new Loop(steps);
  loop.push(tick);
  loop.push(tick);
  await nextTurn();
  loop.push(tick);
  await nextTurn();
  expect(steps.did).toEqual(['fatal boom']);
});
