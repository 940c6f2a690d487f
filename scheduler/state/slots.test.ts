import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { SlotTable, State } from './slots.js';

test('slots are given out densely and merged when they come back', () => {
  const slots = new SlotTable();
  const a = slots.allocate(10, 1);
  const b = slots.allocate(20, 2);
  const c = slots.allocate(30, 3);
  expect([a, b, c, slots.used]).toEqual([0, 10, 30, 60]);
  slots.free(a, 10);
  slots.free(c, 30);
  slots.free(b, 20);
  expect([slots.used, slots.freeCount]).toEqual([0, slots.capacity]);
  expect(slots.allocate(slots.capacity, 1)).toBe(0);
});

test('a slot starts from zero whatever it held before, and growing keeps the others', () => {
  const slots = new SlotTable();
  const a = slots.allocate(4, 1);
  slots.attempt.fill(7, a, a + 4);
  slots.addHolder(a, 5);
  slots.addHolder(a, 6);
  const b = slots.allocate(5000, 2);
  expect([slots.attempt[a], slots.holders(a), slots.layer[b]]).toEqual([7, [5, 6], 2]);
  slots.free(a, 4);
  expect(slots.state[a]).toBe(State.Free);
  const again = slots.allocate(4, 3);
  expect([again, slots.attempt[again], slots.holders(again), slots.state[again]]).toEqual([
    a,
    0,
    [],
    State.Waiting,
  ]);
});

test('holders: the first is in the table, others beside it, each once', () => {
  const slots = new SlotTable();
  const slot = slots.allocate(1, 1);
  for (const worker of [3, 4, 3, 5, 4]) slots.addHolder(slot, worker);
  expect(slots.holders(slot)).toEqual([3, 4, 5]);
  expect(slots.removeHolder(slot, 3)).toBe(true);
  expect(slots.removeHolder(slot, 3)).toBe(false);
  expect(slots.holders(slot)).toEqual([4, 5]);
  expect([slots.removeHolder(slot, 5), slots.removeHolder(slot, 4)]).toEqual([true, true]);
  expect([slots.holders(slot), slots.moreHolders.size]).toEqual([[], 0]);
});

test('random allocations never overlap and never leak', () => {
  const seed = 20261120;
  const random = seededRng(seed);
  const slots = new SlotTable();
  const held: [number, number][] = [];
  for (let step = 0; step < 2000; step++) {
    if (held.length === 0 || random() < 0.55) {
      const count = 1 + Math.floor(random() * 50);
      held.push([slots.allocate(count, 1), count]);
    } else {
      slots.free(...held.splice(Math.floor(random() * held.length), 1)[0]!);
    }
    const sorted = held.toSorted((a, b) => a[0] - b[0]);
    const clash = sorted.findIndex(([first], i) => i > 0 && sorted[i - 1]![0] + sorted[i - 1]![1] > first);
    expect(clash, `seed ${seed}, step ${step}`).toBe(-1);
    expect(slots.freeCount + slots.used).toBe(slots.capacity);
  }
});
