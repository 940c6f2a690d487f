import { expect, test } from 'vitest';
import { isVolleyError } from '../../core/base/errors.js';
import { seededRng } from '../../core/base/rng.js';
import type { Batch, Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { columnOf, denseColumn } from '../column/layout.js';
import { recordsToBatch } from '../column/records.js';
import { decodeBatch, encodeBatch, type PartitionMeta } from '../column/slab.js';
import { packMeta, unpackMeta } from '../column/slab-meta.js';
import { testSeed } from '../testing/random-batch.js';
import { dirtyMemory, recordsOf } from '../testing/run-fragment.js';
import { CorrelationAccumulator } from './aggregate-correlation.js';
import { concatBatches } from './concat.js';
import { Lent } from './lent.js';
import { PackedSums } from './packed-sums.js';
import { sliceBatch, takeBatch, takeOptional } from './take.js';

const seed = testSeed();

/** Lists of numbers, texts, wide integers and lists, with nulls and empty ones at every level. */
function randomLists(random: () => number, rows: number): Batch {
  const maybe = <T>(value: T) => (random() < 0.2 ? null : value);
  const list = <T>(item: () => T) =>
    maybe(Array.from({ length: Math.floor(random() * 4) }, () => maybe(item())));
  const records = Array.from({ length: rows }, (_, id) => ({
    id,
    numbers: list(() => Math.floor(random() * 100)),
    texts: list(() => `t${Math.floor(random() * 20)}`),
    wide: list(() => 2n ** 60n + BigInt(Math.floor(random() * 100))),
    deep: list(() => list(() => random() < 0.5)),
  }));
  return recordsToBatch(records, [
    { name: 'id', type: DataType.Float64 },
    { name: 'numbers', type: DataType.List(DataType.Int32) },
    { name: 'texts', type: DataType.List(DataType.Utf8) },
    { name: 'wide', type: DataType.List(DataType.Int64) },
    { name: 'deep', type: DataType.List(DataType.List(DataType.Bool)) },
  ]);
}

test('lists are taken, sliced, joined and stored like any column', () => {
  const random = seededRng(seed);
  for (let round = 0; round < 30; round++) {
    const batch = randomLists(random, Math.floor(random() * 40));
    const all = recordsOf(batch);
    const at = Int32Array.from({ length: 25 }, () => Math.floor(random() * Math.max(1, batch.rows)));
    if (batch.rows > 0) {
      expect(recordsOf(takeBatch(batch, at, 25))).toEqual([...at].map(row => all[row]));
      const some = at.map(row => (row % 3 === 0 ? -1 : row));
      const texts = takeOptional(columnOf(batch, 'texts'), some, 25);
      const one = { schema: [{ name: 'texts', type: texts.type }], rows: 25, columns: [texts] };
      expect(recordsOf(one)).toEqual([...some].map(row => ({ texts: row < 0 ? null : all[row]!.texts })));
    }
    const cut = Math.floor(random() * (batch.rows + 1));
    const parts = [sliceBatch(batch, 0, cut), sliceBatch(batch, cut, batch.rows)];
    expect(parts.flatMap(recordsOf)).toEqual(all);
    expect(recordsOf(concatBatches(batch.schema, parts))).toEqual(all);
    const { header, bytes } = encodeBatch(batch, dirtyMemory);
    expect(recordsOf(decodeBatch(header, bytes))).toEqual(all);
  }
});

test('offsets and items that do not fit are a corrupt partition, not a crash', () => {
  const batch = recordsToBatch([{ x: [1, 2] }, { x: [3] }]);
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  const meta = unpackMeta<PartitionMeta>(header.meta);
  const [column] = meta.columns as [PartitionMeta['columns'][0]];
  const offsets = new Int32Array(bytes.buffer, bytes.byteOffset + column.values[0], 3);
  expect([...offsets]).toEqual([0, 2, 3]);
  const refused = (changed: object) => {
    const bad = packMeta({ ...meta, columns: [{ ...column, ...changed }] });
    expect(() => decodeBatch({ ...header, meta: bad }, bytes)).toThrow(
      /a partition is not what its header says/,
    );
  };
  refused({ items: undefined });
  refused({ items: { length: 2, column: column.items!.column } });
  refused({ items: { length: 3, column: { ...column.items!.column, type: DataType.Utf8 } } });
  refused({ items: { length: 1e9, column: column.items!.column } });
  refused({ type: { kind: 'list' } });
  for (const wrong of [
    [0, 4, 3],
    [1, 2, 3],
    [0, -1, 3],
    [0, 2, 2 ** 31 - 1],
  ]) {
    offsets.set(wrong);
    try {
      decodeBatch(header, bytes);
      expect.unreachable();
    } catch (error) {
      expect(isVolleyError(error) && error.code).toBe('CORRUPT_PARTITION');
    }
  }
});

test('packed sums are the sums', () => {
  const random = seededRng(seed + 2);
  const column = (values: number[]): Column =>
    denseColumn(DataType.Int32, 'i32', values.length, Int32Array.from(values));
  for (let round = 0; round < 50; round++) {
    const most = [1, 5, 15, 100, 1000][Math.floor(random() * 5)]!;
    const groups = 1 + Math.floor(random() * 5);
    const packed = new PackedSums(new Lent());
    packed.resize(groups);
    const sums = new Float64Array(groups * 6);
    const expected = new Float64Array(groups * 6);
    for (let part = 0; part < 3; part++) {
      const rows = 1 + Math.floor(random() * 200);
      const draw = (bound: number) => Array.from({ length: rows }, () => Math.floor(random() * (bound + 1)));
      const [a, b, group] = [draw(most * (part + 1)), draw(3), draw(groups - 1)];
      const mask = part === 1 ? Uint8Array.from(draw(1)) : null;
      const fits = packed.fits({ min: 0, max: most * (part + 1) }, { min: 0, max: 3 }, rows, sums);
      if (!fits) continue;
      packed.add(column(a), column(b), Int32Array.from(group), rows, mask);
      for (let i = 0; i < rows; i++) {
        if (mask?.[i] === 0) continue;
        const [x, y] = [a[i]!, b[i]!];
        [1, x, y, x * x, y * y, x * y].forEach((v, k) => {
          expected[group[i]! * 6 + k]! += v;
        });
      }
    }
    packed.unpack(sums);
    expect(sums).toEqual(expected);
  }
});

test('correlation: exact states, states about a pivot and both together agree', () => {
  const random = seededRng(seed + 3);
  const column = (values: number[], float: boolean): Column =>
    float
      ? denseColumn(DataType.Float64, 'f64', values.length, Float64Array.from(values))
      : denseColumn(DataType.Int32, 'i32', values.length, Int32Array.from(values));
  const rows = 120;
  const draw = () =>
    Array.from({ length: rows }, () => Math.floor(random() * 21) - (random() < 0.5 ? 10 : 0));
  const parts = [draw(), draw(), draw()].map(a => ({ a, b: draw() }));
  const group = Int32Array.from({ length: rows }, (_, i) => i % 4);
  const identity = Int32Array.from([0, 1, 2, 3]);
  const answers = [
    [false, false, false],
    [true, true, true],
    [false, true, false],
    [true, false, false],
  ].map(floats => {
    const total = new CorrelationAccumulator(new Lent());
    total.resize(4);
    parts.forEach(({ a, b }, p) => {
      const part = new CorrelationAccumulator(new Lent());
      part.resize(4);
      part.update(column(a, floats[p]!), group, rows, null, column(b, floats[p]!));
      total.merge(part.state(), identity, 4);
    });
    return total.result().values;
  });
  for (const answer of answers) {
    for (let g = 0; g < 4; g++) expect(Math.abs(answer[g]! - answers[0]![g]!)).toBeLessThan(1e-15);
  }
});
