import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { countInstances } from '../testing/wasm-instances.js';
import { lending } from './lent.js';
import { listColumn } from './list.js';
import { quantiles } from './select.js';

const seed = testSeed();

/** What sorting says. */
function naiveQuantile(values: number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const position = (values.length - 1) * share;
  const below = Math.floor(position);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, values.length - 1)]!;
  if (position === below || low === high) return low;
  return low + (high - low) * (position - below);
}

/** Few and many values, with ties, NaN and every order, in two groups and three parts: the other group's lie between. */
function compareWithSorting(): void {
  const random = seededRng(seed);
  const makers: readonly ((i: number) => number)[] = [
    () => random(),
    () => Math.floor(random() * 5),
    i => i,
    i => -i,
    i => (i % 2 === 0 ? i : -i),
    () => (random() < 0.4 ? NaN : random()),
    () => (random() < 0.3 ? Infinity : -random()),
    () => (random() < 0.97 ? 0 : random()),
    () => 7,
  ];
  for (const size of [1, 2, 3, 39, 40, 41, 127, 1000, 5000, 40_000]) {
    for (const make of makers) {
      const values = Array.from({ length: size }, (_, i) => make(i));
      const cuts = [0, Math.floor(size / 5), Math.floor(size / 2), size];
      const parts = [0, 1, 2].map(p => {
        const own = values.slice(cuts[p], cuts[p + 1]);
        const items = denseColumn(
          DataType.Float64,
          'f64',
          own.length + 3,
          Float64Array.from([...own, 1, 2, 3]),
        );
        const lists = listColumn(items, Int32Array.from([0, own.length, own.length + 3]));
        return { lists, group: Int32Array.from([1, 0]) };
      });
      for (const share of [0, 0.25, 0.5, 0.9, 0.999, 1]) {
        const found = lending(lent => quantiles(parts, Int32Array.from([9, size, 0]), share, lent));
        expect(found[1], `${size} values, seed ${seed}`).toBe(naiveQuantile(values, share));
        expect(found[0]).toBe(naiveQuantile([1, 1, 1, 2, 2, 2, 3, 3, 3], share));
        expect(found[2]).toBe(0);
      }
    }
  }
}

test('one group of many values, and many groups of one', () => {
  const random = seededRng(seed);
  const large = Array.from({ length: 50_000 }, () => random());
  const small = Array.from({ length: 70_000 }, () => random());
  const items = Float64Array.from([...small.slice(0, 20_000), ...large, ...small.slice(20_000)]);
  const sizes = Int32Array.from([...small, 0], (_, g) => (g === 20_000 ? large.length : 1));
  const offsets = new Int32Array(sizes.length + 1);
  for (let g = 0; g < sizes.length; g++) offsets[g + 1] = offsets[g]! + sizes[g]!;
  const lists = listColumn(denseColumn(DataType.Float64, 'f64', items.length, items), offsets);
  const group = Int32Array.from(sizes, (_, g) => g);
  const found = lending(lent => quantiles([{ lists, group }], sizes, 0.5, lent));
  expect(found[20_000]).toBe(naiveQuantile(large, 0.5));
  expect([...found.subarray(0, 20_000), ...found.subarray(20_001)]).toEqual(small);
});

test('selection finds what sorting finds, as JavaScript and as WebAssembly', () => {
  compareWithSorting();
  workInKernelMemory(8 * 1024 * 1024);
  const instances = countInstances();
  try {
    compareWithSorting();
    expect(instances.made).toBeGreaterThan(0);
  } finally {
    instances.stop();
  }
});
