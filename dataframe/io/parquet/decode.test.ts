import { ByteWriter } from 'hyparquet-writer';
import { deltaBinaryPack } from 'hyparquet-writer/src/delta.js';
import { expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { Lent } from '../../kernels/lent.js';
import { newSeed } from '../testing/oracle.js';
import { zstdContentSize } from '../zstd/zstd.js';
import { decompress, loadCodec } from './decompress.js';
import { unpackDeltas } from './delta.js';
import { decodeHybrid } from './hybrid.js';
import { TextSink } from './text.js';
import { BeyondSafe, NumberSink } from './values.js';

const room = (bytes: number) => new Uint8Array(bytes);

/** Bit-packed groups of eight, then a run of 300 equal values. */
function hybrid(values: readonly number[], width: number, run: number): Uint8Array {
  const groups = values.length / 8;
  const bits = values.reduceRight((all, value) => (all << BigInt(width)) | BigInt(value >>> 0), 0n);
  const bytes = [(groups << 1) | 1];
  for (let i = 0; i < groups * width; i++) {
    bytes.push(Number((bits >> BigInt(8 * i)) & 255n));
  }
  bytes.push(0x80 | ((300 << 1) & 0x7f), (300 << 1) >> 7);
  for (let i = 0; i < (width + 7) >> 3; i++) {
    bytes.push((run >>> (8 * i)) & 255);
  }
  return Uint8Array.from(bytes);
}

test('run-length / bit-packed hybrid of every width', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  for (let width = 1; width <= 32; width++) {
    const values = Array.from({ length: 200 }, () => Math.floor(random() * 2 ** width));
    const run = 2 ** width - 1;
    const bytes = hybrid(values, width, run);
    const out = new Int32Array(503);
    decodeHybrid(bytes, 0, bytes.length, width, out, 2, 500);
    const unsigned = Array.from(out.subarray(2, 502), value => value >>> 0);
    expect(unsigned, `seed ${seed}, width ${width}`).toEqual([...values, ...new Array(300).fill(run)]);
    for (const cut of [0, 1, bytes.length >> 1, bytes.length - 1]) {
      expect(() => decodeHybrid(bytes, 0, cut, width, out, 2, 500)).toThrow(RangeError);
    }
  }
});

test('deltas of 32 and 64 bits', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  for (const count of [1, 2, 127, 128, 129, 1000]) {
    for (const spread of [1, 1e3, 2 ** 31, 2 ** 52, 2 ** 63]) {
      const wide = Array.from({ length: count }, () =>
        BigInt.asIntN(64, BigInt(Math.floor((random() - 0.5) * 2 * spread))),
      );
      const writer = new ByteWriter();
      deltaBinaryPack(writer, wide, 'INT64');
      const out = new Int32Array(2 * count);
      const bytes = writer.getBytes();
      expect(unpackDeltas(bytes, 0, count, out, 2), `seed ${seed}`).toBe(bytes.length);
      expect([...new BigInt64Array(out.buffer)], `seed ${seed}`).toEqual(wide);
    }
    const narrow = Array.from({ length: count }, () => Math.floor((random() - 0.5) * 2 ** 32));
    const writer = new ByteWriter();
    deltaBinaryPack(writer, narrow, 'INT32');
    const out = new Int32Array(count);
    unpackDeltas(writer.getBytes(), 0, count, out, 1);
    expect([...out], `seed ${seed}`).toEqual(narrow);
  }
});

test('delta headers that lie are refused before anything is allocated', () => {
  for (const header of [
    [0x80, 1, 0, 5, 0],
    [0x80, 1, 0xff, 0xff, 0xff, 0xff, 7, 5, 0],
    [0x80, 1, 4, 6, 0],
    [0x80, 1, 3, 5, 0],
    [0x80],
  ]) {
    expect(() => unpackDeltas(Uint8Array.from(header), 0, 5, new Int32Array(5), 1), String(header)).toThrow(
      RangeError,
    );
  }
});

test('INT96 is cut to microseconds', () => {
  const page = new Uint8Array(24);
  const view = new DataView(page.buffer);
  view.setBigUint64(0, 3_723_000_001_999n, true); // 01:02:03.000001999
  view.setInt32(8, 2_440_588 + 365, true);
  view.setInt32(20, 2_440_587, true); // Midnight of 1969-12-31.
  const sink = new NumberSink('INT96', 'f64', false, new Float64Array(2));
  sink.dataPage(page, 0, 'PLAIN', 0, 2);
  expect([...sink.values]).toEqual([365 * 86_400e6 + 3_723_000_001, -86_400e6]);
  view.setInt32(20, 2 ** 31 - 1, true);
  expect(() => sink.dataPage(page, 0, 'PLAIN', 0, 2)).toThrow(BeyondSafe);
  expect(() =>
    new NumberSink('INT96', 'i64', false, new Int32Array(4)).dataPage(page, 0, 'PLAIN', 0, 2),
  ).toThrow(/64 bits/);
  view.setInt32(20, 2 ** 26, true);
  const wide = new NumberSink('INT96', 'i64', false, new Int32Array(4));
  wide.dataPage(page, 0, 'PLAIN', 0, 2);
  expect(new BigInt64Array((wide.values as Int32Array).buffer)[1]).toBe(
    BigInt(2 ** 26 - 2_440_588) * 86_400_000_000n,
  );
});

test('64-bit integers at the edge of what float64 holds', () => {
  const edge = 2n ** 53n;
  const cases: [bigint, boolean][] = [
    [edge - 1n, true],
    [edge, false],
    [-edge + 1n, true],
    [-edge, false],
    [-1n, true],
    [2n ** 63n - 1n, false],
    [-(2n ** 63n), false],
  ];
  for (const [value, safe] of cases) {
    const sink = new NumberSink('INT64', 'f64', false, new Float64Array(1));
    const page = new Uint8Array(BigInt64Array.of(value).buffer);
    if (safe) {
      sink.dataPage(page, 0, 'PLAIN', 0, 1);
      expect(sink.values[0]).toBe(Number(value));
    } else {
      expect(() => sink.dataPage(page, 0, 'PLAIN', 0, 1), String(value)).toThrow(BeyondSafe);
    }
  }
});

test('codes outside of the dictionary, and texts that share prefixes without end', () => {
  const sink = new TextSink(new Int32Array(8), {
    movesOnly: false,
    picks: false,
    expectedBytes: 0,
    lent: new Lent(),
    fixedBytes: null,
    form: null,
  });
  sink.dictionaryPage(Uint8Array.of(1, 0, 0, 0, 97), 1);
  expect(() => sink.dataPage(Uint8Array.of(8, 4, 1), 0, 'RLE_DICTIONARY', 0, 2)).toThrow(
    /code beyond its 1 entries/,
  );
  expect(() => sink.dictionaryPage(Uint8Array.of(255, 255, 255, 127, 97), 1)).toThrow(RangeError);
  const writer = new ByteWriter();
  deltaBinaryPack(writer, [0, 2_000_000_000], 'INT32');
  deltaBinaryPack(writer, [1, 1], 'INT32');
  writer.appendUint8(97);
  writer.appendUint8(97);
  expect(() => sink.dataPage(writer.getBytes(), 0, 'DELTA_BYTE_ARRAY', 0, 2)).toThrow(/damaged/);
});

test('a page that unpacks to more than it claims is cut off', async () => {
  const { gzipSync, brotliCompressSync } = await import('node:zlib');
  const bomb = Buffer.alloc(10_000_000);
  await loadCodec('ZSTD');
  expect(() => decompress('GZIP', gzipSync(bomb), 1000, room)).toThrow();
  expect(() => decompress('BROTLI', brotliCompressSync(bomb), 1000, room)).toThrow();
  expect(decompress('GZIP', gzipSync(bomb), bomb.length, room).length).toBe(bomb.length);
  expect(() => decompress('GZIP', gzipSync(Buffer.alloc(10)), 1000, room)).toThrow(/claims/);
  expect(zstdContentSize(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 1, 0))).toBe(512);
  expect(() =>
    decompress('ZSTD', Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0, 0), 1000, room),
  ).toThrow();
  expect(() => decompress('LZO', Uint8Array.of(1), 1000, room)).toThrow(/LZO/);
});
