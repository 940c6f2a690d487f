import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { DataType } from '../column/datatype.js';
import { recordsToBatch } from '../column/records.js';
import { sizeOfBatch } from '../column/slab.js';
import type { Fragment } from './fragment.js';
import { movesRows, packFragment, readFragment } from './fragment-body.js';

const inputs = [[{ name: 'a', type: DataType.Float64 }]];

function filterBy(value: unknown): Fragment {
  const predicate = { kind: 'literal', value, type: DataType.Float64 } as never;
  const ops = [{ kind: 'filter', predicate }] as const;
  return { source: { kind: 'input', input: 0 }, ops, sink: { kind: 'partition' }, inputs };
}

test('a fragment comes back as it was, whatever its literals are', () => {
  const values = [1, 'é\ud800"', null, true, -0, NaN, -Infinity, 2n ** 70n, undefined, new Date(5)];
  for (const value of values) {
    expect(readFragment(packFragment(filterBy(value)))).toStrictEqual(filterBy(value));
  }
  expect(() => readFragment(new TextEncoder().encode('{"source":'))).toThrow(
    expect.objectContaining({ code: 'DECODE' }),
  );
});

test('equal bodies are one object while they are remembered; long ones are not', () => {
  const first = readFragment(packFragment(filterBy(0.5)));
  expect(readFragment(packFragment(filterBy(0.5)))).toBe(first);
  for (let k = 0; k < limits.cachedFragments; k++) readFragment(packFragment(filterBy(k)));
  expect(readFragment(packFragment(filterBy(0.5)))).not.toBe(first);
  const long = packFragment(filterBy('x'.repeat(limits.cachedFragmentBytes)));
  expect(readFragment(long)).not.toBe(readFragment(long));
});

// The memory that a reducer is given with its inputs has to do for its result.
test('narrow forms of a kept partition take no more than its moves say', () => {
  const rows = 1000;
  const column = (type: DataType, of: (i: number) => unknown) => ({ type, of });
  const given = [
    column(DataType.Int32, i => i % 100),
    column(DataType.Int32, i => i * 60),
    column(DataType.UInt32, i => i * 1_000_000),
    column(DataType.Date, i => new Date((i % 300) * 86_400_000)),
    column(DataType.Utf8, i => `n${i % 300}`),
    column(DataType.Float64, i => i / 3),
    column(DataType.Int16, i => i),
  ];
  const schema = given.map(({ type }, c) => ({ name: `c${c}`, type }));
  const records = Array.from({ length: rows }, (_, i) =>
    Object.fromEntries(given.map(({ of }, c) => [`c${c}`, of(i)])),
  );
  const moves = (kept: boolean) =>
    movesRows(
      packFragment({
        source: { kind: 'input', input: 0 },
        ops: [],
        sink: { kind: 'partition', ...(kept ? { kept } : null) },
        inputs: [schema],
      }),
    );
  expect(moves(false)).toEqual({ how: 'together', narrowBytes: 0 });
  expect(moves(true)).toEqual({ how: 'together', narrowBytes: 10 });
  const batch = recordsToBatch(records, schema);
  const more = sizeOfBatch(batch, true) - sizeOfBatch(batch);
  expect(more).toBeGreaterThan(0);
  expect(more).toBeLessThanOrEqual(moves(true)!.narrowBytes * rows + limits.roomSlackBytes);
});
