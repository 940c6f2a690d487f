import { expect, test } from 'vitest';
import { workFor } from '../../core/base/kernel-memory.js';
import { seededRng } from '../../core/base/rng.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn, viewValues } from '../column/layout.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { countInstances } from '../testing/wasm-instances.js';
import { VarianceAccumulator } from './aggregate-moments.js';
import { Lent } from './lent.js';

const seed = testSeed();
const rows = 5001;
const groups = 700;
const slabs = workInKernelMemory(16 * 1024 * 1024, 16 * 1024 * 1024);
let end = 0;

function place(physical: 'f64' | 'i32' | 'u8', of: (row: number) => number) {
  const values = viewValues(physical, slabs.buffer, end, rows);
  end += rows * 8 + 64 - ((rows * 8) % 64);
  for (let i = 0; i < rows; i++) values[i] = of(i);
  return values;
}

/** The bits of the state after three batches; one of whole numbers may come first. */
function bitsOf(values: Column, group: Int32Array, mask: Uint8Array | null, first: Column | null): string {
  const lent = new Lent();
  const moments = new VarianceAccumulator(false, lent);
  moments.resize(groups);
  if (first !== null) moments.update(first, group, rows, null);
  for (let batch = 0; batch < 3; batch++) moments.update(values, group, rows, mask);
  // Which of its bits a NaN has is left open by both languages.
  const hex = ({ values }: Column) =>
    Buffer.from(Float64Array.from(values, x => (Number.isNaN(x) ? Number.NaN : x)).buffer).toString('hex');
  const bits = moments.state().map(hex).join();
  lent.giveBack();
  return bits;
}

// Goal: two rows at a time must not change a bit, whichever groups meet.
test('moments of two rows at a time have the bits of one after the other', () => {
  const random = seededRng(seed);
  const below = (n: number) => Math.floor(random() * n);
  const hard = [Number.NaN, Infinity, -Infinity, -0, 5e-324, 1.7e308];
  const values = {
    usual: () => random() * 100,
    'of all sizes': () => (random() - 0.5) * 10 ** (200 * random() - 100),
    hard: () => (below(50) === 0 ? hard[below(hard.length)]! : random()),
    equal: () => 0.1,
  };
  const numbers = {
    any: () => below(groups),
    one: () => 3,
    'by turns': (row: number) => row % 2,
    'in runs': (row: number) => Math.floor(row / 9),
  };
  const masks = {
    none: null,
    some: () => below(2),
    all: () => 1,
    few: (row: number) => (row % 20 === 0 ? 0 : 1),
    zero: () => 0,
  };
  const whole = denseColumn(
    DataType.Int32,
    'i32',
    rows,
    place('i32', () => below(1000)),
  );
  const begin = end;
  const instances = countInstances();
  for (const [name, of] of Object.entries(values)) {
    for (const [grouped, number] of Object.entries(numbers)) {
      const column = denseColumn(DataType.Float64, 'f64', rows, place('f64', of));
      const group = place('i32', number) as Int32Array;
      for (const [masked, flag] of Object.entries(masks)) {
        const mask = flag === null ? null : (place('u8', flag) as Uint8Array);
        for (const first of [null, whole]) {
          const found = bitsOf(column, group, mask, first);
          workFor(null);
          const expected = bitsOf(column, group, mask, first);
          workFor(0);
          expect(found === expected, `${name}, ${grouped}, mask ${masked}, seed ${seed}`).toBe(true);
        }
      }
      end = begin;
    }
  }
  instances.stop();
  expect(instances.made).toBeGreaterThan(1);
});
