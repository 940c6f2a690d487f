import { expect, test } from 'vitest';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { dictionaryOf, entryText } from '../column/dictionary.js';
import { denseColumn } from '../column/layout.js';
import { FusedGroups } from './fused.js';
import { readState, resultColumn } from './fused-result.js';
import { KeyDomain, sharedDomains } from './key-domain.js';
import { Lent } from './lent.js';
import { sliceColumn } from './take.js';

const types = [DataType.Utf8, DataType.Int32];

const ints = (values: readonly number[]): Column =>
  denseColumn(DataType.Int32, 'i32', values.length, Int32Array.from(values));

/** Texts first .. first+count-1, backwards, each with a number; `rows` of them. */
function batch(first: number, count: number, rows: number): Column[] {
  const { dictionary } = dictionaryOf(Array.from({ length: count }, (_, k) => `t${first + count - 1 - k}`));
  const codes = Int32Array.from({ length: rows }, (_, i) => (i * 7919) % count);
  const numbers = ints(Array.from({ length: rows }, (_, i) => first - ((i * 31) % 5)));
  return [denseColumn(DataType.Utf8, 'code', rows, codes, dictionary), numbers];
}

const batches = [batch(0, 9_000, 5_000), batch(4_000, 9_000, 5_000), batch(-6_000, 9_000, 5_000)];

test('domains of all batches have room for their values and for no others', () => {
  const domains = sharedDomains(types, batches)!;
  expect(domains.map(({ base, size }) => [base, size])).toEqual([
    [0, 19_000],
    [-6_004, 10_005],
  ]);
  // One at a time they leave room for what may come.
  const alone = new KeyDomain(DataType.Int32);
  for (const at of [2, 0, 1]) alone.admit(batches[at]![1]!);
  expect(alone.size).toBeGreaterThan(10_005);
});

test('text that is not worth looking at in a part is in the whole; without digits there are no domains', () => {
  const [text] = batches[0]!;
  const part = sliceColumn(text!, 0, 100);
  expect(new KeyDomain(DataType.Utf8).admit(part)).toBeNull();
  const [domain] = sharedDomains([DataType.Utf8], [[text!]])!;
  expect(domain!.admit(part)).toEqual({ map: null });
  expect(domain!.size).toBe(9_000);
  expect(sharedDomains([DataType.Utf8], [[text!], [part]])).toEqual([expect.any(KeyDomain)]);
  const other = sliceColumn(batches[1]![0]!, 0, 100);
  expect(sharedDomains([DataType.Utf8], [[text!], [other]])).toBeNull();
});

/** Groups of rows [from, to) of every batch. */
function grouped(from: number, to: number, domains: readonly KeyDomain[] | null, tier?: 'packed' | 'table') {
  const spec = { name: 'n', op: 'sum', type: DataType.Int32, rowsKey: 'n' } as const;
  const lent = new Lent();
  const groups = new FusedGroups({
    keys: types,
    specs: [spec],
    merging: false,
    numbered: false,
    lent,
    domains,
    ...(tier === undefined ? {} : { tier }),
  });
  batches.forEach((whole, entry) => {
    const keys = whole.map(column => sliceColumn(column, from, to));
    groups.addRows(keys, [{ column: keys[1]!, filter: null }], to - from, entry);
  });
  groups.settle();
  const [texts, numbers] = groups.keyColumns();
  const sums = resultColumn(readState(groups, groups.count), 0);
  const rows = Array.from({ length: groups.count }, (_, g) => [
    entryText(texts!.dictionary!, texts!.values[g]!),
    numbers!.values[g],
    sums.values[g],
  ]);
  return { rows, dictionary: texts!.dictionary };
}

test('parts of a task share domains: the same groups in the same order, over one dictionary', () => {
  const domains = sharedDomains(types, batches)!;
  const parts = [0, 1_700, 3_400].map(from => [from, from + 1_600] as const);
  const shared = parts.map(([from, to]) => grouped(from, to, domains, 'packed'));
  parts.forEach(([from, to], p) => {
    expect(shared[p]!.rows).toEqual(grouped(from, to, null, 'table').rows);
    expect(shared[p]!.dictionary).toBe(shared[0]!.dictionary);
  });
});
