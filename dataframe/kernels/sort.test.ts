import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Batch } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { dictionaryOf, entryTexts, ranks } from '../column/dictionary.js';
import { columnOf, denseColumn } from '../column/layout.js';
import type { SortKey } from '../physical/fragment.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import { orderOf } from './radix.js';
import { sortOrder } from './sort.js';
import { topOrder } from './sort-top.js';
import { takeBatch } from './take.js';

const seed = testSeed();
const random = seededRng(seed);
const below = (n: number) => Math.floor(random() * n);
const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;

function randomKeys(names: readonly string[], most: number): SortKey[] {
  return Array.from({ length: 1 + below(most) }, () => ({
    column: pick(names),
    descending: random() < 0.5,
    nullsLast: random() < 0.5,
  }));
}

test('words of any width and any share of equal ones sort stably', () => {
  for (let round = 0; round < 60; round++) {
    const rows = pick([0, 1, 2, 24, 25, 300, 8191, 8192, 20_000]);
    const bits = Array.from({ length: 1 + below(3) }, () => 32);
    bits[bits.length - 1] = 1 + below(32);
    const spread = bits.map(b => Math.min(2 ** b, pick([1, 3, 1000, 2 ** 32])));
    const words = bits.map((_, w) => Uint32Array.from({ length: rows }, () => below(spread[w]!)));
    const compare = (a: number, b: number) => {
      for (const word of words) if (word[a] !== word[b]) return word[a]! - word[b]!;
      return a - b;
    };
    const wanted = Int32Array.from({ length: rows }, (_, i) => i).sort(compare);
    const found = orderOf(
      words.map(word => word.slice()),
      bits,
      rows,
    );
    expect(found, `seed ${seed}: ${rows} rows of bits ${bits} in ${spread}`).toEqual(wanted);
  }
});

// Goal: head(n) of a sort is the sort's head, ties too, whatever way the first rows were found.
test('the first rows without a full sort are those of the full sort', () => {
  const names = ['k', 'i', 'x', 'y', 's', 'b', 'd', 'u'];
  for (let round = 0; round < 60; round++) {
    const rows = 12_000 + below(8000);
    const shuffled = randomBatch(random, rows, round % 3 === 0 ? 0 : 0.2);
    const by = randomKeys(names, 3);
    const reversed: SortKey[] = by.map(key => ({ ...key, descending: !key.descending }));
    // Sorted the other way round, every row is better than all before it.
    const batch = round % 10 === 9 ? takeBatch(shuffled, sortOrder(shuffled, reversed), rows) : shuffled;
    const wanted = pick([0, 1, 10, 700, 1500, rows - 1, rows]);
    const found = topOrder(batch, by, wanted);
    const what = `seed ${seed} round ${round}: ${wanted} of ${rows} by ${JSON.stringify(by)}`;
    expect(found, what).toEqual(sortOrder(batch, by).slice(0, wanted));
  }
});

test('ranks of many texts with common beginnings follow their bytes; equal entries share one', () => {
  const texts = Array.from({ length: 5000 }, () => {
    const tail = pick(['', '\u0000', 'a', 'ab', 'é', '\u{1F600}', `${below(1e6)}`, 'x'.repeat(below(40))]);
    return `common prefix ${tail}${pick(['', 'z', '\u0000'])}`;
  });
  const { dictionary } = dictionaryOf(texts);
  const rank = ranks(dictionary);
  const bytes = entryTexts(dictionary).map(text => Buffer.from(text));
  const order = bytes.map((_, i) => i).sort((a, b) => Buffer.compare(bytes[a]!, bytes[b]!));
  expect(
    order.map(i => rank[i]),
    `seed ${seed}`,
  ).toEqual(order.map((_, r) => r));
});

test('whole numbers, huge integers and floats far apart keep their order', () => {
  const values = [-(2 ** 53) + 1, -(2 ** 40), -1, 0, 1, 2 ** 31, 2 ** 32, 2 ** 40 + 1, 2 ** 53 - 1];
  const turned = Float64Array.from([...values].reverse());
  for (const type of [DataType.Int64, DataType.Float64]) {
    const column = denseColumn(type, 'f64', turned.length, turned);
    const batch: Batch = { schema: [{ name: 'v', type }], rows: turned.length, columns: [column] };
    const order = sortOrder(batch, [{ column: 'v', descending: false, nullsLast: true }]);
    expect([...order].map(row => columnOf(batch, 'v').values[row])).toEqual(values);
  }
});
