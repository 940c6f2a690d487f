import { expect, test } from 'vitest';
import { isVolleyError } from '../../core/base/errors.js';
import { seededRng } from '../../core/base/rng.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import type { Batch, Column } from '../column/column.js';
import { decodeBatch, encodeBatch, type PartitionMeta } from '../column/slab.js';
import { packMeta, unpackMeta } from '../column/slab-meta.js';
import { col } from '../expr/expr.js';

import { workInKernelMemory } from '../testing/kernel-memory.js';
import { randomBatch, testSeed } from '../testing/random-batch.js';
import { recordsOf, testEnv } from '../testing/run-fragment.js';
import type { FragmentOp, FragmentSink } from './fragment.js';
import { packFragment } from './fragment-body.js';
import { prepareFragment } from './run.js';
import type { FragmentInput } from './task.js';

const seed = testSeed();
const slabs = workInKernelMemory(64 * 1024 * 1024, 256 * 1024 * 1024);
let end = 0;

/** Of the node's memory, holding garbage. */
function allocate(byteLength: number): Uint8Array {
  const offset = end;
  end = (end + byteLength + 63) & ~63;
  return slabs.subarray(offset, offset + byteLength).fill(0xaa);
}

const fanOut = 5;
const names = ['k', 'i', 'x', 'y', 'd', 'u'];

/** Columns that together fill records. `nullShare` above 0: they have nulls, and lie as columns. */
function table(rows: number, nullShare = 0): Batch {
  const batch = randomBatch(seededRng(seed + rows), rows, nullShare);
  const kept = batch.schema.flatMap(({ name }, c) => (names.includes(name) ? [c] : []));
  return {
    rows,
    schema: kept.map(c => batch.schema[c]!),
    columns: kept.map(c => batch.columns[c]!),
  };
}

async function run(
  inputs: readonly FragmentInput[],
  schema: Batch['schema'],
  ops: FragmentOp[],
  sink: FragmentSink,
) {
  const body = packFragment({ source: { kind: 'input', input: 0 }, ops, sink, inputs: [schema] });
  const { slab, slices } = await prepareFragment(body).run(null, [inputs], { ...testEnv(), allocate });
  return slices.map(({ header, offset }): FragmentInput => {
    return { header, bytes: slab!.subarray(offset, offset + header.byteLength) };
  });
}

/** The slices of some batches. */
function dealt(batches: readonly Batch[], interleaved: boolean): Promise<FragmentInput[]> {
  const inputs = batches.map(batch => encodeBatch(batch, allocate));
  const sink: FragmentSink = { kind: 'hash', keys: ['k'], fanOut };
  return run(inputs, batches[0]!.schema, [], interleaved ? { ...sink, interleaved } : sink);
}

function away({ header, bytes }: FragmentInput): FragmentInput {
  return {
    header,
    get bytes(): Uint8Array {
      throw new Error('all of it was read');
    },
    readInto: (target, offset) => target.set(bytes.subarray(offset, offset + target.byteLength)),
  };
}

const metaOf = ({ header }: FragmentInput) => unpackMeta<PartitionMeta>(header.meta);
const rowsOf = ({ header, bytes }: FragmentInput) => recordsOf(decodeBatch(header, bytes));

test('slices that lie as records are brought together as those that lie as columns, here and away', async () => {
  end = 0;
  const batches = [table(20_000), table(30_011), table(20_001)];
  const { schema } = batches[0]!;
  const records = [await dealt(batches.slice(0, 2), true), await dealt(batches.slice(2), true)];
  const columns = [await dealt(batches.slice(0, 2), false), await dealt(batches.slice(2), false)];
  const withNulls = await dealt([table(20_002, 0.1)], true);
  expect(records.flat().every(slice => metaOf(slice).interleaved === true)).toBe(true);
  expect([...columns.flat(), ...withNulls].some(slice => metaOf(slice).interleaved === true)).toBe(false);
  const sinks: FragmentSink[] = [
    { kind: 'partition' },
    { kind: 'partition', kept: true },
    { kind: 'partition', wide: true },
  ];
  for (let s = 0; s < fanOut; s++) {
    const rest = withNulls[s]!;
    for (const sink of sinks) {
      const [wanted] = await run([columns[0]![s]!, columns[1]![s]!, rest], schema, [], sink);
      const lies = [
        [records[0]![s]!, records[1]![s]!, rest],
        [away(records[0]![s]!), records[1]![s]!, away(rest)],
        [away(records[0]![s]!), columns[1]![s]!, rest],
      ];
      for (const inputs of lies) {
        const [found] = await run(inputs, schema, [], sink);
        expect(metaOf(found!)).toEqual(metaOf(wanted!));
        expect(Buffer.compare(found!.bytes, wanted!.bytes)).toBe(0);
      }
    }
  }
}, 60_000);

test('whoever does more with records has their columns', async () => {
  end = 0;
  const batch = table(40_000);
  const ops: FragmentOp[] = [
    { kind: 'filter', predicate: col('x').gt(0.25).node },
    { kind: 'project', columns: [{ name: 'double', expr: col('x').mul(2).node }] },
  ];
  const schema = [{ name: 'double', type: batch.schema.find(({ name }) => name === 'x')!.type }];
  const [records, columns] = [await dealt([batch], true), await dealt([batch], false)];
  for (let s = 0; s < fanOut; s++) {
    const [wanted] = await run([columns[s]!], batch.schema, ops, { kind: 'partition' });
    expect(decodeBatch(wanted!.header, wanted!.bytes).schema).toEqual(schema);
    for (const input of [records[s]!, away(records[s]!)]) {
      const [found] = await run([input], batch.schema, ops, { kind: 'partition' });
      expect(rowsOf(found!)).toEqual(rowsOf(wanted!));
    }
    // Dealt out once more, as records again.
    const sink: FragmentSink = { kind: 'hash', keys: ['d'], fanOut: 3, interleaved: true };
    const again = [records[s]!, columns[s]!].map(input => run([input], batch.schema, [], sink));
    const [found, expected] = await Promise.all(again);
    expect(found!.flatMap(rowsOf)).toEqual(expected!.flatMap(rowsOf));
  }
});

test('few rows, and destinations that get none', async () => {
  end = 0;
  const batch = table(3);
  const slices = await dealt([batch], true);
  expect(slices.flatMap(rowsOf)).toHaveLength(3);
  const rows = 20_000;
  const one = (column: Column): Column => ({
    ...column,
    values: column.values.slice().fill(3) as Column['values'],
  });
  const same = table(rows);
  const [k, ...others] = same.columns as [Column, ...Column[]];
  const skewed = await dealt(
    [{ ...same, columns: [{ ...one(k), range: { min: 3, max: 3 } }, ...others] }],
    true,
  );
  expect(skewed.map(({ header }) => header.rows).sort((a, b) => a - b)).toEqual([0, 0, 0, 0, rows]);
  const [all] = await run(skewed, same.schema, [], { kind: 'partition' });
  expect(rowsOf(all!)).toHaveLength(rows);
});

type Meta = PartitionMeta & { columns: Record<string, unknown>[] };

test('layouts of records that lie are refused', async () => {
  end = 0;
  const [slice] = await dealt([table(20_000)], true);
  const { header, bytes } = slice!;
  const lies: ((meta: Meta) => void)[] = [
    m => Object.assign(m.columns[1]!, { values: [64, m.columns[0]!.values[1]] }),
    m => m.columns.pop(),
    m => Object.assign(m.columns[0]!, { physical: 'code' }),
    m => Object.assign(m.columns[0]!, { nullCount: 1 }),
    m => Object.assign(m.columns[0]!, { validity: [0, 8], nullCount: 1 }),
    m => Object.assign(m, { parts: [0, m.rows] }),
    m => Object.assign(m, { columns: m.columns.map(c => ({ ...c, values: [1 << 30, c.values[1]] })) }),
  ];
  for (const lie of lies) {
    const meta = unpackMeta<Meta>(header.meta);
    lie(meta);
    const lying: PartitionHeader = { ...header, meta: packMeta(meta) };
    expect(() => decodeBatch(lying, bytes), String(lie)).toThrowError(
      expect.objectContaining({ code: 'CORRUPT_PARTITION' }),
    );
  }
  const random = seededRng(seed);
  for (let round = 0; round < 1000; round++) {
    const meta = header.meta.slice();
    meta[Math.floor(random() * meta.length)]! ^= 1 << Math.floor(random() * 8);
    try {
      const batch = decodeBatch({ ...header, meta }, bytes);
      for (const column of batch.columns) expect(column.values.length).toBeGreaterThanOrEqual(batch.rows);
    } catch (error) {
      if (!isVolleyError(error, 'CORRUPT_PARTITION')) throw error;
    }
  }
});
