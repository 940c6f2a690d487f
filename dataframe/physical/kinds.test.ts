import { expect, test } from 'vitest';
import { type Rng, seededRng } from '../../core/base/rng.js';
import { packData } from '../../core/wire/msgpack.js';
import { packValidity } from '../column/bitmap.js';
import type { Batch, Column, Physical } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { dictionaryOf } from '../column/dictionary.js';
import { allocateValues, denseColumn, elementsPerValue } from '../column/layout.js';
import { col } from '../expr/expr.js';
import { testSeed } from '../testing/random-batch.js';
import { asInput, testEnv } from '../testing/run-fragment.js';
import type { FragmentOp, FragmentSink } from './fragment.js';
import { prepareFragment } from './run.js';

/** V8's rule behind all kernels: a loop that meets one kind of array stays fast, whatever other loops meet. */

const types: Readonly<Record<Exclude<Physical, 'list' | 'struct'>, DataType>> = {
  bool: DataType.Bool,
  i8: DataType.Int8,
  u8: DataType.UInt8,
  i16: DataType.Int16,
  u16: DataType.UInt16,
  i32: DataType.Int32,
  u32: DataType.UInt32,
  f32: DataType.Float32,
  f64: DataType.Float64,
  i64: DataType.Int64,
  code: DataType.Utf8,
};
type Kind = keyof typeof types;
const { dictionary } = dictionaryOf(Array.from({ length: 100 }, (_, i) => `k${i}`));

/** Values from 0 to 99 (0 or 1 for bool). */
function column(kind: Kind, rows: number, nulls: boolean, random: Rng): Column {
  const values = allocateValues(kind, rows);
  const width = elementsPerValue(kind);
  const flags = Uint8Array.from({ length: rows }, () => (nulls && random() < 0.2 ? 0 : 1));
  for (let row = 0; row < rows; row++) {
    if (flags[row] === 1) values[row * width] = Math.floor(random() * (kind === 'bool' ? 2 : 100));
  }
  const dense = denseColumn(types[kind], kind, rows, values, kind === 'code' ? dictionary : null);
  return { ...dense, ...packValidity(flags, rows) };
}

function batchOf(kind: Kind, rows: number, nulls: boolean, random: Rng): Batch {
  const schema = ['key', 'value'].map(name => ({ name, type: types[kind] }));
  return { schema, rows, columns: schema.map(() => column(kind, rows, nulls, random)) };
}

const key = { name: 'key', expr: col('key').node };
const value = { name: 'value', expr: col('value').node };
const partition: FragmentSink = { kind: 'partition' };

/** The ways of a row through the engine; the second input of a join has 100 rows. */
const paths: Readonly<Record<string, (batch: Batch) => readonly [readonly FragmentOp[], FragmentSink]>> = {
  'filter and project': () => [
    [
      { kind: 'filter', predicate: col('key').eq(col('value')).not().node },
      { kind: 'project', columns: [value, key] },
    ],
    partition,
  ],
  aggregate: ({ schema }) => {
    const of = (op: 'min' | 'count') => ({ op, name: op, column: 'value', filter: null });
    return [
      [
        {
          kind: 'aggregate',
          phase: 'partial',
          keys: ['key'],
          aggregates: [of('min'), of('count')],
          input: schema,
        },
      ],
      partition,
    ];
  },
  deal: () => [[], { kind: 'hash', keys: ['key'], fanOut: 8 }],
  sort: () => [
    [{ kind: 'sort', by: [{ column: 'key', descending: false, nullsLast: true }], limit: null }],
    partition,
  ],
  join: () => [
    [
      {
        kind: 'join',
        input: 1,
        how: 'inner',
        leftOn: ['key'],
        rightOn: ['key'],
        take: [{ column: 'value', name: 'v' }],
      },
    ],
    partition,
  ],
};

const memory = new Uint8Array(64 * 2 ** 20);

/** One task of the path over the batch, ready to be run again and again. */
function taskOf(path: string, batch: Batch, random: Rng): () => Promise<unknown> {
  const [ops, sink] = paths[path]!(batch);
  const kind = batch.columns[0]!.physical as Kind;
  const inputs = [[asInput(batch)], [asInput(batchOf(kind, 100, false, random))]];
  const schemas = [batch.schema, batch.schema];
  const body = packData({ source: { kind: 'input', input: 0 }, ops, sink, inputs: schemas });
  const env = { ...testEnv(), allocate: (byteLength: number) => memory.subarray(0, byteLength) };
  // Prepared each time, as every query does.
  return () => prepareFragment(body).run(null, inputs, env);
}

/** Of many runs, and of more until one takes less than `below`: what else the machine does shall not make it twice as much. */
async function fastest(run: () => Promise<unknown>, below = Number.POSITIVE_INFINITY): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 60 || (best >= below && round < 600); round++) {
    const start = performance.now();
    await run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

test('int32 rows filter, aggregate, shuffle, sort and join as fast after all kinds did as before', async () => {
  const random = seededRng(testSeed());
  const own = batchOf('i32', 40_000, false, random);
  const tasks = Object.keys(paths).map(path => [path, taskOf(path, own, random)] as const);
  const before = new Map<string, number>();
  for (const [path, task] of tasks) before.set(path, await fastest(task));
  for (const kind of Object.keys(types) as Kind[]) {
    for (const nulls of [false, true]) {
      const batch = batchOf(kind, 2000, nulls, random);
      for (const path of Object.keys(paths)) {
        const task = taskOf(path, batch, random);
        for (let round = 0; round < 10; round++) await task();
      }
    }
  }
  const slower = new Map<string, number>();
  for (const [path, task] of tasks) {
    const first = before.get(path)!;
    slower.set(path, (await fastest(task, 2 * first)) / first);
  }
  console.log([...slower].map(([path, ratio]) => `${path} × ${ratio.toFixed(2)}`).join(', '));
  for (const [path, ratio] of slower) expect(ratio, path).toBeLessThan(2);
});
