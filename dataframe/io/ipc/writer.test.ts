import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as arrow from 'apache-arrow';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../core/base/version.js';
import { tableToBatches } from '../../column/arrow-in.js';
import { DataType, formatType } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { ipcScan } from '../../frame/sources.js';
import { fromRecords, scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { cellsOf, scratchFolder } from '../testing/oracle.js';
import { packLz4, unpackLz4 } from './lz4.js';

const scratch = scratchFolder();
afterAll(() => scratch.close());
const host = { executor: new InlineExecutor() };
const scan = (path: string) => scanFrame(host, ipcScan(path, {}));
const types = join(packageRoot, 'dataframe/io/testing/ipc/types-None.arrow');

describe('one file', () => {
  test('every type comes back, in every compression and cut into any batches', async () => {
    const expected = await scan(types).toRecords({ int64: 'bigint' });
    const names = (await scan(types).schema()).map(({ name, type }) => `${name} ${formatType(type)}`);
    for (const compression of ['none', 'lz4', 'zstd'] as const) {
      for (const batchRows of [7, 1000]) {
        const path = scratch.path(`own-${compression}-${batchRows}.arrow`);
        expect(await scan(types).sinkIPC(path, { compression, batchRows })).toEqual({
          rows: 60,
          files: [path],
        });
        expect((await scan(path).schema()).map(({ name, type }) => `${name} ${formatType(type)}`)).toEqual(
          names,
        );
        expect(await scan(path).toRecords({ int64: 'bigint' })).toEqual(expected);
      }
    }
  });

  // Null rows hold code 0: its entry once was no number of the type when the first row was null.
  test('a huge decimal may be null in the first row', async () => {
    const path = scratch.path('null-first.arrow');
    const schema = { huge: DataType.Decimal(38, 0) };
    const rows = [{ huge: null }, { huge: '9'.repeat(38) }, { huge: null }, { huge: '-1' }];
    await fromRecords(host, rows, { schema }).sinkIPC(path, {});
    expect(await scan(path).toRecords()).toEqual(rows);
  });

  test('apache-arrow reads the same values', async () => {
    const path = scratch.path('own-none-7.arrow');
    const table = arrow.tableFromIPC(readFileSync(path));
    expect(table.batches.map(batch => batch.numRows)).toEqual([7, 7, 7, 7, 7, 7, 7, 7, 4]);
    const [theirs] = tableToBatches(table, 1000);
    const ours = tableToBatches(await scan(types).collect(), 1000)[0]!;
    // Structs and lists of them are compared as records above.
    const flat = theirs!.schema.flatMap(({ type }, c) =>
      type.kind === 'struct' || type.kind === 'list' ? [] : [c],
    );
    const cells = (batch: typeof ours) => cellsOf({ ...batch, columns: flat.map(c => batch.columns[c]!) });
    expect(cells(theirs!)).toEqual(cells(ours));
  });

  test('compressed files are smaller', async () => {
    const rows = Array.from({ length: 5000 }, (_, i) => ({ a: i, b: `text ${i % 10}` }));
    const size = async (compression: 'none' | 'lz4' | 'zstd') => {
      const path = scratch.path(`size-${compression}.ipc`);
      await fromRecords(host, rows).sinkIPC(path, { compression });
      return readFileSync(path).length;
    };
    const none = await size('none');
    expect(await size('lz4')).toBeLessThan(none * 0.7);
    expect(await size('zstd')).toBeLessThan(none * 0.5);
  });

  test('no rows are a file with a schema', async () => {
    const frame = fromRecords(host, [{ a: 1, b: 'x' }]);
    await frame.filter(col('a').gt(5)).sinkIPC(scratch.path('none.feather'));
    expect(await scan(scratch.path('none.feather')).columns()).toEqual(['a', 'b']);
    expect(await scan(scratch.path('none.feather')).count()).toBe(0);
    expect(arrow.tableFromIPC(readFileSync(scratch.path('none.feather'))).numRows).toBe(0);
  });

  test('options that mean nothing are refused', async () => {
    const frame = fromRecords(host, [{ a: 1 }]);
    for (const options of [{ compression: 'snappy' as 'lz4' }, { batchRows: 0 }]) {
      await expect(frame.sinkIPC(scratch.path('never.arrow'), options)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    }
    await expect(frame.sinkIPC(scratch.path('x.arrow'), { partitionBy: 'a' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

test('folders of parts, and of keys', async () => {
  const rows = Array.from({ length: 100 }, (_, i) => ({ id: i, key: `k${i % 3}` }));
  const frame = fromRecords(host, rows, { partitions: 4 });
  await frame.sinkIPC(scratch.path('parts'));
  expect(readdirSync(scratch.path('parts')).sort()).toEqual([0, 1, 2, 3].map(p => `part-0000${p}.ipc`));
  expect(await scan(scratch.path('parts')).toRecords()).toEqual(rows);
  await expect(frame.sinkIPC(scratch.path('parts'))).rejects.toMatchObject({ code: 'SINK_EXISTS' });
  await frame.sinkIPC(scratch.path('keys'), { partitionBy: 'key' });
  expect(readdirSync(scratch.path('keys')).sort()).toEqual(['key=k0', 'key=k1', 'key=k2']);
  expect(await scan(scratch.path('keys')).sort('id').select('id', 'key').toRecords()).toEqual(rows);
});

describe('LZ4 frames', () => {
  test('what is packed is unpacked', () => {
    const word = Buffer.from('abcdefghijklmnopqrstuvwxyz0123456789');
    const inputs = [
      Buffer.alloc(0),
      Buffer.from('a'),
      Buffer.alloc(100_000),
      Buffer.from(Array.from({ length: 9_000_000 }, (_, i) => (i * 7919 + (i >> 9)) & 255)),
      Buffer.from(Array.from({ length: 5000 }, (_, i) => word[(i * i) % 36]!)),
      Buffer.from('the same again and again '.repeat(700)),
    ];
    for (const input of inputs) {
      const out = new Uint8Array(input.length);
      unpackLz4(packLz4(input), out);
      expect(input.equals(out)).toBe(true);
    }
  });

  test('a frame of another size, or whose header is damaged, is refused', () => {
    const packed = packLz4(Buffer.from('the same again and again '.repeat(9)));
    expect(() => unpackLz4(packed, new Uint8Array(10))).toThrow('claims 10');
    for (const at of [0, 4, 5, 14]) {
      const bad = Uint8Array.from(packed);
      bad[at]! ^= 64;
      expect(() => unpackLz4(bad, new Uint8Array(225))).toThrow(RangeError);
    }
  });
});
