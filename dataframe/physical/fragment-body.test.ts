import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { DataType } from '../column/datatype.js';
import type { Fragment } from './fragment.js';
import { packFragment, readFragment } from './fragment-body.js';

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
