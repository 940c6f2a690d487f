import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { packValidity } from '../column/bitmap.js';
import type { Batch, Column } from '../column/column.js';
import { DataType, type Schema } from '../column/datatype.js';
import { dictionaryOf } from '../column/dictionary.js';
import { batchesToRecords } from '../column/records.js';
import { decodeBatch, sizeOfBatch, writeBatch } from '../column/slab.js';
import { GatheredBatch } from '../kernels/gathered.js';
import { Lent } from '../kernels/lent.js';
import { takeBatch } from '../kernels/take.js';
import { testSeed } from '../testing/random-batch.js';
import { dirtyMemory, recordsOf, runFragment } from '../testing/run-fragment.js';
import type { FragmentOp } from './fragment.js';
import { fillColumns, sizeOfUnfilled, unfilledColumns } from './store-gathered.js';

const schema: Schema = [
  { name: 's', type: DataType.Utf8 },
  { name: 'n', type: DataType.Int64 },
];

/** Rows of nearly one text each, some of them null, some empty. */
function texts(random: () => number, rows: number, tag: string): Batch {
  const strings = Array.from({ length: rows }, (_, i) =>
    i % 97 === 0 ? '' : `${tag}${i}é`.repeat(1 + (i % 3)),
  );
  const { dictionary, codes } = dictionaryOf(strings);
  const flags = Uint8Array.from({ length: rows }, () => (random() < 0.1 ? 0 : 1));
  const packed = packValidity(flags, rows);
  const values = codes.map((code, i) => (flags[i] === 1 ? code : 0));
  const text: Column = { type: DataType.Utf8, physical: 'code', length: rows, ...packed, values, dictionary };
  const numbers = Float64Array.from({ length: rows }, (_, i) => (i % 2 === 0 ? i : -i * 1e9));
  const column: Column = {
    type: DataType.Int64,
    physical: 'f64',
    length: rows,
    nullCount: 0,
    validity: null,
    values: numbers,
    dictionary: null,
  };
  return { schema, rows, columns: [text, column] };
}

function chosen(batch: Batch, at: Int32Array): GatheredBatch {
  return new GatheredBatch(
    schema,
    at.length,
    batch.columns.map(column => ({ column, at, gaps: true })),
  );
}

function stored(batches: readonly Batch[], wide: boolean): Batch {
  const unfilled = unfilledColumns(schema, batches, wide, new Lent())!;
  const size = sizeOfUnfilled(unfilled);
  const slab = dirtyMemory(size);
  const batch = fillColumns(schema, unfilled.columns[0]!.column.length, unfilled, slab);
  expect(sizeOfBatch(batch)).toBe(size);
  return decodeBatch(writeBatch(batch, slab), slab);
}

const rowsOf = (batches: readonly Batch[]) => batchesToRecords(schema, batches);

test('rows that are only chosen are stored as the gathered ones, whatever becomes of their dictionaries', () => {
  const random = seededRng(testSeed());
  const [a, b] = [texts(random, 90_000, 'a'), texts(random, 300_000, 'b')];
  const pick = (rows: number, from: number) =>
    Int32Array.from({ length: rows }, () => Math.floor(random() * (from + 1)) - 1);
  const few = chosen(a, pick(1000, a.rows));
  const many = chosen(a, pick(80_000, a.rows));
  const sparse = chosen(b, pick(70_000, b.rows));
  for (const batches of [
    [few],
    [many],
    [sparse],
    [many, sparse],
    [few, sparse],
    [few, takeBatch(a, pick(9, 9).map(Math.abs), 9)],
  ]) {
    for (const wide of [false, true]) {
      const result = stored(batches, wide);
      expect(result.columns[1]!.physical).toBe(wide ? 'i64' : 'f64');
      expect(rowsOf([result])).toEqual(rowsOf(batches));
    }
  }
  expect(stored([sparse], false).columns[0]!.dictionary!.repeats).toBe(true);
  expect(stored([many, sparse], false).columns[0]!.dictionary!.repeats).toBe(true);
  expect(stored([few], false).columns[0]!.dictionary!.repeats).toBeUndefined();
});

test('operators see one code for one text, whatever the partition repeats', async () => {
  const offsets = Int32Array.of(0, 1, 2, 3);
  const dictionary = { length: 3, offsets, bytes: Buffer.from('aba'), repeats: true } as const;
  const text: Column = {
    type: DataType.Utf8,
    physical: 'code',
    length: 4,
    nullCount: 0,
    validity: null,
    values: Int32Array.of(0, 1, 2, 0),
    dictionary,
  };
  const number: Column = {
    ...text,
    type: DataType.Int64,
    physical: 'f64',
    values: Float64Array.of(1, 2, 3, 4),
    dictionary: null,
  };
  const batch: Batch = { schema, rows: 4, columns: [text, number] };
  const run = async (...ops: FragmentOp[]) => {
    const inputs = [schema, schema];
    const fragment = {
      source: { kind: 'input', input: 0 },
      ops,
      sink: { kind: 'partition' },
      inputs,
    } as const;
    const [out] = await runFragment(fragment, [[batch], [batch]]);
    return recordsOf(out!).map(row => Object.values(row).map(v => (typeof v === 'bigint' ? Number(v) : v)));
  };
  const s = { kind: 'column', name: 's' } as const;
  const a = { kind: 'literal', type: DataType.Utf8, value: 'a' } as const;
  const isA = { kind: 'call', fn: 'eq', args: [s, a] } as const;
  expect(await run({ kind: 'filter', predicate: isA })).toEqual([
    ['a', 1],
    ['a', 3],
    ['a', 4],
  ]);
  const sums = [{ name: 'sum', op: 'sum', column: 'n', filter: null }] as const;
  expect(
    await run({ kind: 'aggregate', phase: 'complete', keys: ['s'], aggregates: sums, input: schema }),
  ).toEqual([
    ['a', 8],
    ['b', 2],
  ]);
  const join = { kind: 'join', input: 1, how: 'inner', leftOn: ['s'], rightOn: ['s'] } as const;
  const joined = await run({ ...join, take: [{ column: 'n', name: 'm' }] });
  expect(joined.map(row => row.slice(1))).toEqual([
    [1, 1],
    [1, 3],
    [1, 4],
    [2, 2],
    [3, 1],
    [3, 3],
    [3, 4],
    [4, 1],
    [4, 3],
    [4, 4],
  ]);
});
