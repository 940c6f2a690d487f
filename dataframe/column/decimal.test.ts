import * as arrow from 'apache-arrow';
import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import { formatTable } from '../frame/show.js';
import { sliceBatch } from '../kernels/take.js';
import { testSeed } from '../testing/random-batch.js';
import { randomDecimals, randomUnscaled } from '../testing/random-decimals.js';
import { dirtyMemory, recordsOf } from '../testing/run-fragment.js';
import { batchesToTable, tableToBatches } from './arrow.js';
import { createBuilder } from './builder.js';
import type { Batch } from './column.js';
import { DataType } from './datatype.js';
import {
  type DecimalType,
  decimalOfNumber,
  decimalToNumber,
  formatDecimal,
  parseDecimal,
  powerOf10,
} from './decimal.js';
import { codedDecimal, type DecimalBuilder, decimalColumn } from './decimal-builder.js';
import { decimalWords, unscaledReader } from './decimal-entries.js';
import { batchesToRecords, recordsToBatch } from './records.js';
import { decodeBatch, encodeBatch, type PartitionMeta } from './slab.js';
import { packMeta, unpackMeta } from './slab-meta.js';
import { compareBytes } from './string-table.js';

const seed = testSeed();
const decimal = (precision: number, scale: number) => DataType.Decimal(precision, scale) as DecimalType;

test.each([
  [0, 0],
  [39, 0],
  [5, 6],
  [5, -1],
  [2.5, 0],
])('Decimal(%d, %d) is refused', (precision, scale) => {
  expect(() => DataType.Decimal(precision, scale)).toThrow(/1 to 38 digits/);
});

test.each([
  ['1.25', 125n],
  [' -0.05 ', -5n],
  ['+3', 300n],
  ['.5', 50n],
  ['7.', 700n],
  ['1e2', 10000n],
  ['12.5E-1', 125n],
  ['0.005', 1n],
  ['-0.005', -1n],
  ['0.00499', 0n],
  ['1e-2000', 0n],
  ['0e9999', 0n],
  ['99999.994', 9999999n],
  ['99999.995', null],
  ['100000', null],
  ['1e999', null],
  ['', null],
  ['.', null],
  ['1,5', null],
  ['0x1', null],
  ['NaN', null],
  ['1 2', null],
])('%j as Decimal(7, 2) is %s hundredths', (text, unscaled) => {
  expect(parseDecimal(text, decimal(7, 2))).toBe(unscaled);
});

test('what is written is read back, at every scale', () => {
  const random = seededRng(seed);
  for (let round = 0; round < 2000; round++) {
    const precision = 1 + Math.floor(random() * 38);
    const type = decimal(precision, Math.floor(random() * (precision + 1)));
    const value = randomUnscaled(random, precision);
    const text = formatDecimal(value, type.scale);
    expect(text).toMatch(/^-?\d+(\.\d+)?$/);
    expect(parseDecimal(text, type, true)).toBe(value);
    expect(decimalToNumber(value, type.scale)).toBe(Number(text));
    const number = (random() - 0.5) * 10 ** Math.floor(random() * 20 - 5);
    const found = decimalOfNumber(number)!;
    expect(Number(formatDecimal(found.unscaled, found.type.scale))).toBe(number);
  }
});

test('128-bit words, Arrow and slabs carry every value, nulls and all physical forms', () => {
  const batch = randomDecimals(seededRng(seed + 1), 400, 100);
  const forms = new Set<string>();
  for (let from = 0; from < batch.rows; from += 100) {
    const part = decoded(sliceBatch(batch, from, from + 100));
    const [back] = tableToBatches(batchesToTable(part.schema, [part]), 1000);
    expect(recordsOf(back!)).toEqual(recordsOf(part));
    for (const column of back!.columns) {
      if (column.type.kind !== 'decimal') continue;
      forms.add(column.physical);
      const flags = Uint8Array.from({ length: 100 }, (_, i) =>
        column.validity === null ? 1 : (column.validity[i >> 3]! >> (i & 7)) & 1,
      );
      const again = decimalColumn(column.type, decimalWords(column), flags);
      expect(again).toMatchObject({ physical: column.physical, nullCount: column.nullCount });
      const [a, b] = [unscaledReader(column), unscaledReader(again)];
      for (let row = 0; row < 100; row++) expect(b(row)).toBe(a(row));
    }
  }
  expect([...forms].sort()).toEqual(['code', 'f64', 'i64']);
});

function decoded(batch: Batch): Batch {
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  return decodeBatch(header, bytes);
}

test('chunks of an Arrow table, sliced and with nulls, are read where they lie', () => {
  const batch = randomDecimals(seededRng(seed + 2), 300, 300);
  const parts = [sliceBatch(batch, 0, 120), sliceBatch(batch, 120, 300)];
  const table = batchesToTable(batch.schema, parts).slice(37, 260);
  const back = tableToBatches(table, 64).flatMap(part => recordsOf(part));
  expect(back).toEqual(recordsOf(batch).slice(37, 260));
});

test('apache-arrow reads what comes out as Decimal128', () => {
  const type = decimal(38, 10);
  const builder = createBuilder(type) as DecimalBuilder;
  const most = powerOf10(38) - 1n;
  const values = [most, -most, 0n, 1n, -1n, 2n ** 64n, -(2n ** 96n)];
  for (const value of values) builder.appendUnscaled(value);
  builder.appendNull();
  const table = batchesToTable([{ name: 'v', type }], [batchOf(builder, type)]);
  const vector = table.getChild('v')!;
  expect(vector.type).toBeInstanceOf(arrow.Decimal);
  expect(vector.type).toMatchObject({ precision: 38, scale: 10, bitWidth: 128 });
  const read = Array.from(vector, words =>
    words === null
      ? null
      : BigInt.asIntN(
          128,
          (words as Uint32Array).reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n),
        ),
  );
  expect(read).toEqual([...values, null]);
});

function batchOf(builder: DecimalBuilder, type: DecimalType): Batch {
  const column = builder.finish();
  return { schema: [{ name: 'v', type }], rows: column.length, columns: [column] };
}

test('entries of a dictionary are in the order of their values', () => {
  const random = seededRng(seed + 3);
  const type = decimal(38, 0);
  const values = Array.from({ length: 500 }, () => randomUnscaled(random, 38));
  const builder = createBuilder(type) as DecimalBuilder;
  for (const value of values) builder.appendUnscaled(value);
  const { dictionary, values: codes } = codedDecimal(builder.finish());
  const { offsets, bytes } = dictionary!;
  const order = (a: number, b: number) =>
    compareBytes(bytes, offsets[a]!, offsets[a + 1]!, bytes, offsets[b]!, offsets[b + 1]!);
  for (let i = 1; i < values.length; i++) {
    const [a, b] = [values[i - 1]!, values[i]!];
    expect(Math.sign(order(codes[i - 1]!, codes[i]!))).toBe(a < b ? -1 : a > b ? 1 : 0);
  }
});

test('a slab whose layout lies about decimals is refused', () => {
  const schema = [{ name: 'v', type: DataType.Decimal(38, 0) }];
  const { header, bytes } = encodeBatch(recordsToBatch([{ v: '9'.repeat(38) }], schema), dirtyMemory);
  const meta = unpackMeta<PartitionMeta>(header.meta);
  const column = meta.columns[0]!;
  const changed = (change: object): PartitionHeader => ({
    ...header,
    meta: packMeta({ ...meta, columns: [{ ...column, ...change }] }),
  });
  const bad = [
    { type: { kind: 'decimal', precision: 39, scale: 0 } },
    { type: { kind: 'decimal', precision: 5, scale: 6 } },
    { type: { kind: 'decimal', precision: 18, scale: 0 } },
    { physical: 'i64' },
    { dictionary: { ...column.dictionary!, bytes: [column.dictionary!.bytes[0], 15] } },
  ];
  for (const change of bad) {
    expect(() => decodeBatch(changed(change), bytes)).toThrow(
      expect.objectContaining({ code: 'CORRUPT_PARTITION' }),
    );
  }
  const cut = bytes.slice();
  const ends = column.dictionary!.offsets[0];
  new Int32Array(cut.buffer, cut.byteOffset + ends, 2)[1] = 12;
  expect(() => decodeBatch(header, cut)).toThrow(/16 bytes/);
});

test('records: exact text by default, numbers when asked; what would be rounded is refused', () => {
  const schema = [{ name: 'v', type: DataType.Decimal(20, 2) }];
  const batch = recordsToBatch(
    [{ v: '1.5' }, { v: 0.1 }, { v: -3n }, { v: null }, { v: '1e17' }, {}],
    schema,
  );
  const values = (options: object) =>
    batchesToRecords(schema, [batch], options).map(r => (r as { v: unknown }).v);
  expect(values({})).toEqual(['1.50', '0.10', '-3.00', null, '100000000000000000.00', null]);
  expect(values({ decimal: 'number' })).toEqual([1.5, 0.1, -3, null, 1e17, null]);
  for (const bad of ['1.005', 0.125, 'x', '', true, NaN, 10n ** 18n, new Date(0)]) {
    expect(() => recordsToBatch([{ v: '1' }, { v: bad }], schema)).toThrow(
      expect.objectContaining({
        code: 'TYPE_MISMATCH',
        data: expect.objectContaining({ column: 'v', row: 1 }),
      }),
    );
  }
  const shown = formatTable(schema, batchesToRecords(schema, [batch]), false);
  expect(shown).toContain('│ 100000000000000000.00 │');
  expect(shown).toContain('│                  1.50 │');
});
