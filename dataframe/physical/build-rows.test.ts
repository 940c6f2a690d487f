import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Batch, Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { dictionaryOf } from '../column/dictionary.js';
import { GatheredBatch } from '../kernels/gathered.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import { asInput, dirtyMemory, recordsOf } from '../testing/run-fragment.js';
import { readRecords, recordsWriter } from './build-rows.js';

const names = ['wide', 'byte', 'half', 'text'];

/** Integers that need 64, 8 and 16 bits, far from 0, and text of up to `longest` bytes. */
function numbered(random: () => number, rows: number, longest: number): Batch {
  const below = (n: number) => Math.floor(random() * n);
  const values = (make: () => number): Column => ({
    type: DataType.Int64,
    physical: 'f64',
    length: rows,
    nullCount: 0,
    validity: null,
    values: Float64Array.from({ length: rows }, make),
    dictionary: null,
  });
  const strings = Array.from({ length: rows }, (_, i) => `${i}`.repeat(9).slice(0, below(longest + 1)));
  const { dictionary, codes } = dictionaryOf(strings);
  const text: Column = {
    ...values(() => 0),
    type: DataType.Utf8,
    physical: 'code',
    values: codes,
    dictionary,
  };
  const columns = [
    values(() => (below(2 ** 26) - 2 ** 25) * 2 ** 26),
    { ...values(() => below(256) - 1_000_128), range: { min: -1_000_128, max: -999_873 } },
    { ...values(() => below(65_536) + 2 ** 40), range: { min: 2 ** 40, max: 2 ** 40 + 65_535 } },
    text,
  ];
  return { schema: names.map((name, c) => ({ name, type: columns[c]!.type })), rows, columns };
}

/** The rows of the batches as records give them back, chosen at random, -1 among them: as they must be, and as they are. */
function bothWays(batches: readonly Batch[], random: () => number, many: number) {
  const { schema } = batches[0]!;
  const { byteLength, write } = recordsWriter(schema, batches, many);
  const bytes = dirtyMemory(byteLength);
  const { rows, columns } = readRecords({ header: write(bytes), bytes }, new Map());
  const all: (Record<string, unknown> | null)[] = batches.flatMap(recordsOf);
  expect(rows).toBe(all.length);
  const at = Int32Array.from({ length: 300 }, () => Math.floor(random() * (rows + 1)) - 1);
  const pieces = columns.map(column => ({ column, at, gaps: true }));
  const nothing = Object.fromEntries(schema.map(({ name }) => [name, null]));
  return {
    theirs: Array.from(at, row => (row < 0 ? nothing : all[row]!)),
    mine: recordsOf(new GatheredBatch(schema, at.length, pieces)),
  };
}

test('rows lie side by side and come back as they were, whatever form their columns have', () => {
  const seed = testSeed();
  const random = seededRng(seed);
  for (let i = 0; i < 60; i++) {
    const rows = () => Math.floor(random() * 200);
    const sides = [
      [randomBatch(random, rows() + 1), randomBatch(random, rows())],
      ...[0, 3, 15, 16, 40].map(longest => [
        numbered(random, rows() + 1, longest),
        numbered(random, rows(), longest),
      ]),
    ];
    for (const batches of sides) {
      for (const many of [0, 1e6]) {
        const { theirs, mine } = bothWays(batches, random, many);
        expect(mine, `case ${i} of seed ${seed}`).toEqual(theirs);
      }
    }
  }
});

test('a string at the very end of its memory is not read beyond', () => {
  const batch = numbered(seededRng(1), 50, 7);
  const text = batch.columns[3]!;
  const exact = { ...text.dictionary!, bytes: Uint8Array.from(text.dictionary!.bytes) };
  const columns = [...batch.columns.slice(0, 3), { ...text, dictionary: exact }];
  const { theirs, mine } = bothWays([{ ...batch, columns }], seededRng(2), 0);
  expect(mine).toEqual(theirs);
});

test('records whose layout lies are refused', () => {
  const batch = numbered(seededRng(1), 50, 7);
  const { byteLength, write } = recordsWriter(batch.schema, [batch], 0);
  const bytes = dirtyMemory(byteLength);
  const header = write(bytes);
  expect(() => readRecords({ header: { ...header, rows: 51 }, bytes }, new Map())).toThrowError('records');
  expect(() => readRecords({ header, bytes: bytes.subarray(0, 640) }, new Map())).toThrowError();
  expect(() => readRecords(asInput(batch), new Map())).toThrowError('no records');
});
