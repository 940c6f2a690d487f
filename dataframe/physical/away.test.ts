import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import type { Batch } from '../column/column.js';
import { decodeBatch, encodeBatch } from '../column/slab.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import { dirtyMemory, recordsOf, testEnv } from '../testing/run-fragment.js';
import type { Fragment } from './fragment.js';
import { packFragment } from './fragment-body.js';
import { prepareFragment } from './run.js';
import type { FragmentInput } from './task.js';

const seed = testSeed();
const plain = ['k', 'i', 'x', 'b', 'd', 'u'];

function only(batch: Batch, names: readonly string[]): Batch {
  const kept = batch.schema.flatMap((field, c) => (names.includes(field.name) ? [c] : []));
  return {
    rows: batch.rows,
    schema: kept.map(c => batch.schema[c]!),
    columns: kept.map(c => batch.columns[c]!),
  };
}

/** An input that says where it was read. */
function away(batch: Batch, reads: [number, number][]): FragmentInput {
  const { header, bytes } = encodeBatch(batch, dirtyMemory);
  return {
    header,
    get bytes() {
      reads.push([0, bytes.byteLength]);
      return bytes;
    },
    readInto(target, offset) {
      reads.push([offset, target.byteLength]);
      target.set(bytes.subarray(offset, offset + target.byteLength));
    },
  };
}

async function putTogether(inputs: readonly FragmentInput[], schema: Batch['schema'], wide: boolean) {
  const fragment: Fragment = {
    source: { kind: 'input', input: 0 },
    ops: [],
    sink: wide ? { kind: 'partition', wide } : { kind: 'partition' },
    inputs: [schema],
  };
  const { slices, slab } = await prepareFragment(packFragment(fragment)).run(null, [inputs], testEnv());
  const [{ header, offset }] = slices as [(typeof slices)[0]];
  return decodeBatch(header, slab!.subarray(offset, offset + header.byteLength));
}

test.each([
  ['plain columns', plain, false],
  ['plain columns as pairs of words', plain, true],
  ['columns with text', ['k', 's', 'x', 't'], false],
])('%s that lie away are put together as if they were here', async (_, names, wide) => {
  const random = seededRng(seed);
  const batches = [10_000, 0, 1, 5_000, 4_097].map((rows, b) =>
    only(randomBatch(random, rows, b % 2 === 0 ? 0.1 : 0), names),
  );
  const { schema } = batches[0]!;
  const reads: [number, number][] = [];
  const here = batches.map(batch => encodeBatch(batch, dirtyMemory));
  const wanted = await putTogether(here, schema, wide);
  const got = await putTogether(
    batches.map(batch => away(batch, reads)),
    schema,
    wide,
  );
  expect(got.columns.map(column => column.physical)).toEqual(wanted.columns.map(column => column.physical));
  expect(recordsOf(got)).toEqual(recordsOf(wanted));
  expect(reads.length).toBeGreaterThan(0);
});

test('each value that lies away is read once, to where it is wanted', async () => {
  const batches = [20_000, 30_000].map(rows => only(randomBatch(seededRng(seed), rows, 0), ['k', 'x', 'y']));
  const reads: [number, number][] = [];
  const inputs = batches.map(batch => away(batch, reads));
  const got = await putTogether(inputs, batches[0]!.schema, false);
  expect(got.rows).toBe(50_000);
  const read = reads.reduce((sum, [, bytes]) => sum + bytes, 0);
  expect(read).toBe(50_000 * (4 + 8 + 8));
});
