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
import { loadReaders, prepareFragment } from './run.js';
import type { FragmentEnv, FragmentInput } from './task.js';

type Allocate = (byteLength: number) => Uint8Array;
type Step = (allocate: Allocate) => Promise<void>;

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

const isMore = (name: string, value: number): ExprNode => ({
  kind: 'call',
  fn: 'gt',
  args: [
    { kind: 'column', name },
    { kind: 'literal', value, type: DataType.Float64 },
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
  const before = [{ kind: 'filter', predicate: isMore('value', 0) }] as const;
  const question = { rows, partitions: 1, before, keys: ['name'], aggregates: [aggregate('sum', 'value')] };
  for (const step of asking(question))
    await step(byteLength => new Uint8Array(new SharedArrayBuffer(byteLength)));
}

const rehearsedRows = 4096;
/** Of them is what a question is rehearsed over: so many rows that V8 optimises their loops. */
const rehearsedPartitions = 16;

/**
 * The same over as many rows as make kernels run as WebAssembly, and scans of Parquet, in memory of its own, for when a thread has nothing to
 * do: the first large query then takes half as long. First, memory that its tasks will work in is touched. Steps of one to three milliseconds, so
 * that work which comes does not wait, and none of which leaves anything unfinished behind it.
 * @param files of Parquet, of columns `name` (text), `whole` (integers) and `real` (floats)
 */
export function* rehearsal(files: readonly string[]): Generator<() => Promise<void>> {
  const { rehearsalBytes, touchedBytes } = limits;
  for (const touch of touchScratch(touchedBytes)) yield async () => touch();
  const memory = allocateNodeMemory(rehearsalBytes, 1, rehearsalBytes);
  if (memory === null) return;
  const rows = rehearsedBatch();
  const partitions = rehearsedPartitions;
  const grouped = (question: Pick<Question, 'keys' | 'aggregates'>) =>
    within(memory, asking({ ...question, rows, partitions, before: [] }));
  const [sum, mean] = [aggregate('sum', 'whole'), aggregate('mean', 'real')];
  yield* grouped({ keys: ['name'], aggregates: [sum] });
  // A program may ask about files at once; tables are to be made first.
  let readers: Awaited<ReturnType<typeof loadReaders>> | null = null;
  yield async () => {
    readers = await loadReaders();
  };
  for (const file of files) yield* within(memory, fileQuestions(file));
  yield* grouped({ keys: ['name', 'few'], aggregates: [sum] });
  yield* grouped({ keys: ['many'], aggregates: [sum, mean] });
  yield* grouped({ keys: ['few'], aggregates: [mean, aggregate('min', 'real'), aggregate('max', 'whole')] });
  yield* grouped({ keys: ['name', 'few', 'many'], aggregates: [mean, { ...sum, op: 'len', column: null }] });
  for (const step of readers!.rehearseUnpacking()) yield* within(memory, [async () => step()]);
}

/** Lets the steps have the memory one after another, all of it anew. */
function* within(memory: NodeMemory, steps: Iterable<Step>): Generator<() => Promise<void>> {
  let end = 0;
  const allocate: Allocate = byteLength => {
    const bytes = new Uint8Array(memory.memory.buffer, end, byteLength);
    end += Math.ceil(byteLength / limits.alignment) * limits.alignment;
    return bytes;
  };
  for (const step of steps)
    yield async () => {
      workApart(memory);
      try {
        await step(allocate);
      } finally {
        if (kernelMemory()?.memory === memory.memory) workFor(null);
      }
    };
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

/** Each step remembers what the one before made. */
function* asking({ rows, partitions, before, keys, aggregates }: Question): Generator<Step> {
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
  const run = (fragment: Fragment, inputs: readonly FragmentInput[], allocate: Allocate) =>
    prepareFragment(packFragment(fragment)).run(null, [inputs], envOf(allocate));
  let given: FragmentInput | null = null;
  yield async allocate => {
    const bytes = allocate(sizeOfBatch(rows, true));
    // As tables lie that were made here and are kept.
    given = { header: writeBatch(rows, bytes, true), bytes, trusted: true };
    await run({ ...partial, ops: [...before, { kind: 'survey', keys }] }, [given], allocate);
  };
  let states: FragmentInput | null = null;
  yield async allocate => {
    const all = Array.from({ length: partitions }, () => given!);
    const { slab, slices } = await run(partial, all, allocate);
    const [{ header, offset }] = slices as [(typeof slices)[number]];
    states = { header, bytes: slab!.subarray(offset, offset + header.byteLength) };
  };
  yield async allocate => {
    const { header, bytes } = states!;
    const merged: Fragment = {
      ...partial,
      ops: [grouped('final')],
      sink: { kind: 'partition', wide: true },
      inputs: [decodeBatch(header, bytes).schema],
    };
    await run(merged, [states!, states!], allocate);
  };
}

/** Looks at the file, then reads it as the queries of a scan do. */
function* fileQuestions(path: string): Generator<Step> {
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
    (columns: readonly string[], predicate: ExprNode | null, aggregates: AggregateSpec[], key = 'name') =>
    async (allocate: Allocate) => {
      const { schema, splits } = found!;
      const input = schema.filter(({ name }) => columns.includes(name));
      const before: FragmentOp[] = predicate === null ? [] : [{ kind: 'filter', predicate }];
      const fragment: Fragment = {
        source: { kind: 'scan', scan: { ...scan, schema, columns, predicate } },
        ops: [...before, { kind: 'aggregate', phase: 'partial', keys: [key], aggregates, input }],
        sink: { kind: 'partition' },
        inputs: [],
      };
      await prepareFragment(packFragment(fragment)).run(packPlain(splits), [], envOf(allocate));
    };
  yield read(['name', 'whole'], null, [aggregate('sum', 'whole')]);
  // Both are left as codes.
  yield read(['whole'], null, [aggregate('sum', 'whole')], 'whole');
  yield read(['name', 'real'], isMore('real', 0), [aggregate('mean', 'real')]);
  // A twentieth of the rows: they are chosen by the dictionary, and picked.
  yield read(['name', 'whole', 'real'], isMore('whole', 18), [aggregate('mean', 'real')]);
}

function envOf(allocate: Allocate): FragmentEnv {
  return { node: '', allowPaths: null, attempt: 1, position: 0, allocate };
}
