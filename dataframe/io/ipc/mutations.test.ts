import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as arrow from 'apache-arrow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isVolleyError } from '../../../core/base/errors.js';
import { packageRoot } from '../../../core/base/version.js';
import { tableToBatches } from '../../column/arrow-in.js';
import type { Batch } from '../../column/column.js';
import { ipcScan } from '../../frame/sources.js';
import { scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import type { ScanSpec } from '../source.js';
import { damage, type Mutation, mutated, mutation, placeOf } from '../testing/mutations.js';
import { type Cell, cellsOf, readWhole, scratchFolder, testEnv } from '../testing/oracle.js';
import { loadZstd, packZstd, unpackZstd, zstdContentSize } from '../zstd/zstd.js';
import { packLz4, unpackLz4 } from './lz4.js';
import { ipcReader } from './reader.js';

const scratch = scratchFolder();
afterAll(() => scratch.close());

beforeAll(async () => {
  await loadZstd();
  // apache-arrow brings no codecs, and takes only decoders with an encoder. Frames tell their size.
  const { ZSTD, LZ4_FRAME } = arrow.CompressionType;
  arrow.compressionRegistry.set(ZSTD, {
    encode: packZstd,
    decode: bytes => unpackZstd(bytes, zstdContentSize(bytes)!).slice(),
  });
  arrow.compressionRegistry.set(LZ4_FRAME, {
    encode: packLz4,
    decode: bytes => {
      const out = new Uint8Array(new DataView(bytes.buffer, bytes.byteOffset).getUint32(6, true));
      unpackLz4(bytes, out);
      return out;
    },
  });
});

const scanOf = (path: string): ScanSpec => ({
  format: 'ipc',
  paths: [path],
  csv: null,
  columns: null,
  predicate: null,
  schema: null,
});

/** Columns of every form that apache-arrow and its conversion know. */
const columns = [
  'bool',
  'int8',
  'int64',
  'uint16',
  'double',
  'utf8',
  'binary',
  'date32',
  'timestamp_us',
  'decimal',
  'few',
  'few8',
  'list',
  'texts',
];

interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

async function samplesOf(): Promise<Sample[]> {
  const frame = scanFrame(
    { executor: new InlineExecutor() },
    ipcScan(join(packageRoot, 'dataframe/io/testing/ipc/types-None.arrow'), {}),
  )
    .select(...columns)
    .head(24);
  const samples: Sample[] = [];
  for (const compression of ['none', 'lz4', 'zstd'] as const) {
    const path = scratch.path(`own-${compression}.arrow`);
    await frame.sinkIPC(path, { compression, batchRows: 15 });
    samples.push({ name: `own ${compression}`, bytes: readFileSync(path) });
  }
  const coded = scratch.path('own-coded.arrow');
  await frame.sinkIPC(coded, { dictionaries: true, batchRows: 15 });
  samples.push({ name: 'own, dictionaries', bytes: readFileSync(coded) });
  const table = await frame.collect();
  for (const form of ['file', 'stream'] as const) {
    samples.push({ name: `apache-arrow ${form}`, bytes: Buffer.from(arrow.tableToIPC(table, form)) });
  }
  return samples;
}

async function readOwn(path: string): Promise<Batch[]> {
  const { schema, splits } = await ipcReader.inspect(scanOf(path), testEnv);
  const batches: Batch[] = [];
  for await (const batch of ipcReader.read({ ...scanOf(path), schema }, splits, testEnv, readWhole())) {
    batches.push(batch);
  }
  return batches;
}

/** null: apache-arrow, or the conversion of its tables, refuses the file. */
function oracle(bytes: Buffer): Cell[][] | null {
  try {
    return tableToBatches(arrow.tableFromIPC(bytes), 1_000_000).flatMap(cellsOf);
  } catch {
    return null;
  }
}

let files = 0;

async function outcome({ bytes: whole }: Sample, how: Mutation): Promise<string> {
  const bytes = mutated(whole, how);
  if (bytes.equals(whole)) return 'same';
  const path = scratch.path(`m${files++ % 50}.arrow`);
  writeFileSync(path, bytes);
  let own: Cell[][];
  try {
    own = (await readOwn(path)).flatMap(cellsOf);
  } catch (error) {
    const ours = isVolleyError(error) && error.message.includes(path);
    return ours ? 'error' : `no error of ours: ${(error as Error).stack}`;
  }
  if (how.kind === 'cut') return 'a cut file was read';
  const expected = oracle(bytes);
  if (expected === null) return 'refused by apache-arrow';
  const row = own.findIndex((cells, r) => cells.some((cell, c) => cell !== expected[r]?.[c]));
  if (row < 0 && own.length === expected.length) return 'equal';
  const place = placeOf(whole, how);
  return `byte ${place} of ${bytes.length}, ${whole[place]} now ${bytes[place]}: row ${row} of ${own.length}/${expected.length}: ${own[row]} where apache-arrow reads ${expected[row]}`;
}

// Goal: FAULTS 9, 11 and 13. Whatever happens to a file: an error that names it, or the rows that apache-arrow reads too.
test('flipped, cut and overwritten files', async () => {
  const samples = await samplesOf();
  for (const { name, bytes } of samples) {
    const path = scratch.path('whole.arrow');
    writeFileSync(path, bytes);
    expect((await readOwn(path)).flatMap(cellsOf), name).toEqual(oracle(bytes));
  }
  const fine = ['error', 'equal', 'same', 'refused by apache-arrow'];
  const seen = await damage(samples, 5_000, mutation, outcome, fine);
  expect(seen.get('error')).toBeGreaterThan(500);
  expect(seen.get('equal')).toBeGreaterThan(500);
}, 120_000);
