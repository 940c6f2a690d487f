import {
  allocateNodeMemory,
  kernelMemory,
  type NodeMemory,
  touchScratch,
  workApart,
  workFor,
} from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import type { Batch } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { recordsToBatch } from '../column/records.js';
import { decodeBatch, sizeOfBatch, writeBatch } from '../column/slab.js';
import type { ExprNode } from '../expr/node.js';
import type { ScanInspection } from '../io/source.js';
import type { AggregateSpec, AggregateStep, Fragment, FragmentOp } from './fragment.js';
import { packFragment, packPlain, readPlain } from './fragment-body.js';
import { prepareFragment } from './run.js';
import type { FragmentEnv } from './task.js';

type Allocate = (byteLength: number) => Uint8Array;

/** A group-by that is surveyed first and whose partial states are merged, over partitions of equal rows. */
interface Question {
  readonly rows: Batch;
  readonly partitions: number;
  readonly before: readonly FragmentOp[];
  readonly keys: readonly string[];
  readonly aggregates: readonly AggregateSpec[];
}

const aggregate = (op: AggregateSpec['op'], column: string): AggregateSpec => ({
  name: `${op}_${column}`,
  op,
  column,
  filter: null,
});

const isPositive = (name: string): ExprNode => ({
  kind: 'call',
  fn: 'gt',
  args: [
    { kind: 'column', name },
    { kind: 'literal', value: 0, type: DataType.Float64 },
  ],
});

/**
 * Runs a filter and a group-by of three rows through everything that a task goes through, so that the first task of a
 * thread finds code that has run before: ten milliseconds that nobody waits for while threads start.
 */
export async function warmUp(): Promise<void> {
  const rows = recordsToBatch([
    { name: 'a', value: 1 },
    { name: 'b', value: 2 },
    { name: null, value: null },
  ]);
  const before = [{ kind: 'filter', predicate: isPositive('value') }] as const;
  const question = { rows, partitions: 1, before, keys: ['name'], aggregates: [aggregate('sum', 'value')] };
  await ask(question, byteLength => new Uint8Array(new SharedArrayBuffer(byteLength)));
}

const rehearsedRows = 4096;
/** Of them is what a question is rehearsed over: so many rows that V8 optimises their loops. */
const rehearsedPartitions = 16;

/**
 * The same over as many rows as make kernels run as WebAssembly, and scans of Parquet, in memory of its own, for when a thread has nothing to
 * do: the first large query then takes half as long. First, memory that its tasks will work in is touched. Steps of a few milliseconds, none of which leaves anything unfinished behind it.
 * @param files of Parquet, of columns `name` (text), `whole` (integers) and `real` (floats)
 */
export function* rehearsal(files: readonly string[]): Generator<() => Promise<void>> {
  const { rehearsalBytes, touchedBytes } = limits;
  for (const touch of touchScratch(touchedBytes)) yield async () => touch();
  const memory = allocateNodeMemory(rehearsalBytes, 1, rehearsalBytes);
  if (memory === null) return;
  const rows = rehearsedBatch();
  const partitions = rehearsedPartitions;
  const apart = (question: Pick<Question, 'keys' | 'aggregates'>) => () =>
    within(memory, allocate => ask({ ...question, rows, partitions, before: [] }, allocate));
  const [sum, mean] = [aggregate('sum', 'whole'), aggregate('mean', 'real')];
  yield apart({ keys: ['name'], aggregates: [sum] });
  // A program may ask about files at once; tables are to be made first.
  for (const file of files) for (const question of fileQuestions(file)) yield () => within(memory, question);
  yield apart({ keys: ['name', 'few'], aggregates: [sum] });
  yield apart({ keys: ['many'], aggregates: [sum, mean] });
  yield apart({ keys: ['few'], aggregates: [mean, aggregate('min', 'real'), aggregate('max', 'whole')] });
  yield apart({ keys: ['name', 'few', 'many'], aggregates: [mean, { ...sum, op: 'len', column: null }] });
}

/** Lets `work` have the memory, all of it anew. */
async function within(memory: NodeMemory, work: (allocate: Allocate) => Promise<void>): Promise<void> {
  let end = 0;
  workApart(memory);
  try {
    await work(byteLength => {
      const bytes = new Uint8Array(memory.memory.buffer, end, byteLength);
      end += Math.ceil(byteLength / limits.alignment) * limits.alignment;
      return bytes;
    });
  } finally {
    if (kernelMemory()?.memory === memory.memory) workFor(null);
  }
}

/** Text and integers of a hundred values, integers of as many as there are rows, and numbers to add up. */
function rehearsedBatch(): Batch {
  const names = recordsToBatch(Array.from({ length: 100 }, (_, k) => ({ name: `name ${k}` })));
  const ints = (of: (i: number) => number) => Int32Array.from({ length: rehearsedRows }, (_, i) => of(i));
  const int = (max: number, of: (i: number) => number) => ({
    ...denseColumn(DataType.Int32, 'i32', rehearsedRows, ints(of)),
    range: { min: 0, max },
  });
  const columns = {
    name: denseColumn(
      DataType.Utf8,
      'code',
      rehearsedRows,
      ints(i => i % 100),
      names.columns[0]!.dictionary,
    ),
    few: int(99, i => (i * 7) % 100),
    many: int(rehearsedRows - 1, i => Math.imul(i, 2_654_435_761) & (rehearsedRows - 1)),
    whole: int(4, i => i % 5),
    real: denseColumn(
      DataType.Float64,
      'f64',
      rehearsedRows,
      Float64Array.from({ length: rehearsedRows }, (_, i) => i / 3),
    ),
  };
  const schema = Object.entries(columns).map(([name, { type }]) => ({ name, type }));
  return { schema, rows: rehearsedRows, columns: Object.values(columns) };
}

async function ask(
  { rows, partitions, before, keys, aggregates }: Question,
  allocate: Allocate,
): Promise<void> {
  const env = envOf(allocate);
  const bytes = allocate(sizeOfBatch(rows, true));
  // As tables lie that were made here and are kept.
  const given = { header: writeBatch(rows, bytes, true), bytes, trusted: true };
  const grouped = (phase: AggregateStep['phase']): AggregateStep => ({
    kind: 'aggregate',
    phase,
    keys,
    aggregates,
    input: rows.schema,
  });
  const partial: Fragment = {
    source: { kind: 'input', input: 0 },
    ops: [...before, grouped('partial')],
    sink: { kind: 'partition' },
    inputs: [rows.schema],
  };
  const survey: Fragment = { ...partial, ops: [...before, { kind: 'survey', keys }] };
  await prepareFragment(packFragment(survey)).run(null, [[given]], env);
  const all = Array.from({ length: partitions }, () => given);
  const result = await prepareFragment(packFragment(partial)).run(null, [all], env);
  const [{ header, offset }] = result.slices as [(typeof result.slices)[number]];
  const states = { header, bytes: result.slab!.subarray(offset, offset + header.byteLength) };
  const merged: Fragment = {
    ...partial,
    ops: [grouped('final')],
    sink: { kind: 'partition', wide: true },
    inputs: [decodeBatch(header, states.bytes).schema],
  };
  await prepareFragment(packFragment(merged)).run(null, [[states, states]], env);
}

/** Looks at the file, then reads it as the queries of a scan do. Each step remembers what the one before found. */
function* fileQuestions(path: string): Generator<(allocate: Allocate) => Promise<void>> {
  const scan = {
    format: 'parquet',
    paths: [path],
    csv: null,
    columns: null,
    predicate: null,
    schema: null,
  } as const;
  let found: ScanInspection | null = null;
  yield async allocate => {
    const fragment: Fragment = {
      source: { kind: 'inspect', scan },
      ops: [],
      sink: { kind: 'partition' },
      inputs: [],
    };
    const { inline } = await prepareFragment(packFragment(fragment)).run(null, [], envOf(allocate));
    found = readPlain<ScanInspection>(inline!);
  };
  const read =
    (columns: readonly string[], predicate: ExprNode | null, aggregates: AggregateSpec[]) =>
    async (allocate: Allocate) => {
      const { schema, splits } = found!;
      const input = schema.filter(({ name }) => columns.includes(name));
      const before: FragmentOp[] = predicate === null ? [] : [{ kind: 'filter', predicate }];
      const fragment: Fragment = {
        source: { kind: 'scan', scan: { ...scan, schema, columns, predicate } },
        ops: [...before, { kind: 'aggregate', phase: 'partial', keys: ['name'], aggregates, input }],
        sink: { kind: 'partition' },
        inputs: [],
      };
      await prepareFragment(packFragment(fragment)).run(packPlain(splits), [], envOf(allocate));
    };
  yield read(['name', 'whole'], null, [aggregate('sum', 'whole')]);
  yield read(['name', 'real'], isPositive('real'), [aggregate('mean', 'real')]);
}

function envOf(allocate: Allocate): FragmentEnv {
  return { node: '', allowPaths: null, attempt: 1, position: 0, allocate };
}
