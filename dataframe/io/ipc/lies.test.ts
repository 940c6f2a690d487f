import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../../core/base/version.js';
import { DataType, type Schema } from '../../column/datatype.js';
import type { ScanSpec } from '../source.js';
import { readAll, scratchFolder, testEnv } from '../testing/oracle.js';
import { batchMessage, schemaMessage } from './flatwrite.js';
import { ipcReader } from './reader.js';

/** Goal: FAULTS 11. Files that are well-formed flatbuffers and lie. */

const scratch = scratchFolder();
afterAll(() => scratch.close());

interface Batch {
  readonly rows: number;
  readonly nodes: readonly { length: number; nullCount: number }[];
  readonly buffers: readonly { offset: number; length: number }[];
  readonly body: Buffer;
  readonly bodyBytes?: number;
}

function scanOf(schema: Schema, { rows, nodes, buffers, body, bodyBytes = body.length }: Batch): ScanSpec {
  const path = scratch.path('lie.arrows');
  const message = batchMessage(rows, nodes, buffers, 'none', bodyBytes);
  const end = Buffer.from([255, 255, 255, 255, 0, 0, 0, 0]);
  writeFileSync(path, Buffer.concat([schemaMessage(schema, new Set()), message, body, end]));
  return specOf(path);
}

const specOf = (path: string): ScanSpec => ({
  format: 'ipc',
  paths: [path],
  csv: null,
  columns: null,
  predicate: null,
  schema: null,
});

const text: Schema = [{ name: 't', type: DataType.Utf8 }];
/** Two texts, 'ab' and 'c', behind their offsets. */
const good: Batch = {
  rows: 2,
  nodes: [{ length: 2, nullCount: 0 }],
  buffers: [
    { offset: 0, length: 0 },
    { offset: 0, length: 12 },
    { offset: 16, length: 3 },
  ],
  body: Buffer.concat([Buffer.from(Int32Array.of(0, 2, 3, 0).buffer), Buffer.from('abc\0\0\0\0\0')]),
};

function body(offsets: readonly number[], bytes: string | Buffer): Buffer {
  const text = Buffer.alloc(8);
  Buffer.from(bytes as string).copy(text);
  return Buffer.concat([Buffer.from(Int32Array.of(...offsets, 0).buffer), text]);
}

test('the truth is read', async () => {
  expect(await readAll(ipcReader, scanOf(text, good))).toEqual([['ab'], ['c']]);
});

describe('refused before the first value is read', () => {
  const [validity, offsets, bytes] = good.buffers as [
    (typeof good.buffers)[0],
    (typeof good.buffers)[0],
    (typeof good.buffers)[0],
  ];
  const lies: Record<string, Partial<Batch>> = {
    'a buffer behind the body': { buffers: [validity, offsets, { offset: 20, length: 5 }] },
    'a buffer before the body': { buffers: [validity, { offset: -8, length: 12 }, bytes] },
    'a buffer of negative length': { buffers: [validity, offsets, { offset: 16, length: -1 }] },
    'a length that overflows': { buffers: [validity, offsets, { offset: 16, length: 2 ** 53 - 8 }] },
    'a buffer less': { buffers: [validity, offsets] },
    'a buffer more': { buffers: [validity, offsets, bytes, bytes] },
    'offsets for fewer rows': { rows: 3, nodes: [{ length: 3, nullCount: 0 }] },
    'a bitmap that is not there': { nodes: [{ length: 2, nullCount: 1 }] },
    'more nulls than rows': { nodes: [{ length: 2, nullCount: 3 }] },
    'a column of other rows': { rows: 1 },
    'a column more': { nodes: [good.nodes[0]!, good.nodes[0]!] },
    'more rows than a slab has': { rows: 2 ** 40, nodes: [{ length: 2 ** 40, nullCount: 0 }] },
    'a body longer than the file': { bodyBytes: 4096 },
  };
  for (const [name, lie] of Object.entries(lies)) {
    test(name, async () => {
      // Inspection looks at metadata only.
      const scan = scanOf(text, { ...good, ...lie });
      await expect(ipcReader.inspect(scan, testEnv)).rejects.toMatchObject({
        code: 'BAD_DATA',
        message: expect.stringContaining(scan.paths[0]!),
      });
    });
  }
});

describe('refused by name when the values are read', () => {
  const values = async (schema: Schema, lie: Partial<Batch>, message: RegExp) =>
    expect(readAll(ipcReader, scanOf(schema, { ...good, ...lie }))).rejects.toThrow(message);

  test('offsets that fall, begin below zero or go beyond the bytes', async () => {
    for (const offsets of [
      [0, 3, 2],
      [-1, 2, 3],
      [0, 2, 4],
    ]) {
      await values(text, { body: body(offsets, 'abc') }, /'t': offsets do not ascend/);
    }
  });

  test('text that is not UTF-8, as a whole or cut within a character', async () => {
    await values(
      text,
      { body: body([0, 2, 3], Buffer.from([0xff, 97, 97])) },
      /'t' holds text that is not UTF-8/,
    );
    await values(text, { body: body([0, 1, 3], Buffer.from('ü.')) }, /'t' holds text that is not UTF-8/);
  });

  test('other nulls than claimed', async () => {
    const nodes = [{ length: 2, nullCount: 1 }];
    const buffers = [{ offset: 16, length: 1 }, ...good.buffers.slice(1)];
    await values(
      text,
      { nodes, buffers, body: body([0, 2, 3], '\u0003bc') },
      /'t' has 0 nulls where 1 are claimed/,
    );
  });

  test('a decimal of more digits than its type', async () => {
    const schema: Schema = [{ name: 'd', type: DataType.Decimal(2, 0) }];
    const digits = Buffer.alloc(32);
    digits.writeInt32LE(100, 16);
    const buffers = [
      { offset: 0, length: 0 },
      { offset: 0, length: 32 },
    ];
    await values(schema, { buffers, body: digits }, /'d': a decimal of more than 2 digits/);
  });

  test('a compressed buffer that claims a terabyte', async () => {
    for (const [name, frame] of [
      ['types-lz4.arrow', '04224d18'],
      ['types-zstd.arrow', '28b52ffd'],
    ] as const) {
      const bytes = readFileSync(join(packageRoot, 'dataframe/io/testing/ipc', name));
      bytes.writeBigInt64LE(2n ** 40n, bytes.indexOf(Buffer.from(frame, 'hex')) - 8);
      writeFileSync(scratch.path(name), bytes);
      await expect(readAll(ipcReader, specOf(scratch.path(name)))).rejects.toThrow(
        /claims 1099511627776 bytes/,
      );
    }
  });
});
