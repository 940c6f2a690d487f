import { assert, assertNever } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import { packData } from '../../core/wire/msgpack.js';
import type { Batch, Column } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { columnOf } from '../column/layout.js';
import { sizeOfBatch, sizeOfNarrow, writeBatch } from '../column/slab.js';
import type { AnySinkSpec, FoundTexts, InspectionReply, ReadUse, ScanSpec, Split } from '../io/source.js';
import { compactBatch, concatBatches, widenBatch } from '../kernels/concat.js';
import { comparableColumn, distinctText } from '../kernels/distinct-text.js';
import { dealRows, slicesOf } from '../kernels/hash.js';
import { buildJoinTable } from '../kernels/join-table.js';
import { summarizeKey } from '../kernels/key-summary.js';
import { Lent } from '../kernels/lent.js';
import { beginScratch, endScratch } from '../kernels/scratch.js';
import { spreadSlices } from '../kernels/spread.js';
import { sliceBatch } from '../kernels/take.js';
import { recordsWriter } from './build-rows.js';
import { BuildSides } from './build-sides.js';
import { buildChain, type Chain } from './chain.js';
import type { Fragment, FragmentSink } from './fragment.js';
import { packPlain, readFragment, readPlain } from './fragment-body.js';
import { tableWriter } from './join-slab.js';
import { once } from './once.js';
import { dealtRanges } from './ranges.js';
import { readUseOf } from './read-use.js';
import { scanSchema } from './schema.js';
import { type Dealt, dealtOneByOne, storeDealt } from './store-dealt.js';
import { fillColumns, sizeOfUnfilled, type UnfilledColumns, unfilledColumns } from './store-gathered.js';
import type { FragmentEntry, FragmentEnv, FragmentResult } from './task.js';
import { decodeEntry, readColumns, type TaskInputs } from './task-inputs.js';

export interface PreparedFragment {
  /** Tasks have left something for the next ones of their layer. */
  readonly keeps: boolean;
  /**
   * Runs one task. `args`: the Splits of a scan, as packPlain has them. `inputs`: the entries of each dependency, in order. The
   * result's columns are copied into what env.allocate gave; nothing of the inputs is referred to afterwards.
   */
  run(
    args: Uint8Array | null,
    inputs: readonly (readonly FragmentEntry[])[],
    env: FragmentEnv,
  ): Promise<FragmentResult>;
}

/** A fragment for the tasks of its layer. */
export function prepareFragment(body: Uint8Array): PreparedFragment {
  const fragment = readFragment(body);
  const builds = new BuildSides();
  const found: FoundTexts = new Map();
  return {
    get keeps() {
      return builds.any || found.size > 0;
    },
    async run(args, inputs, env) {
      beginScratch();
      try {
        return await runFragment(fragment, builds, found, args, inputs, env);
      } finally {
        endScratch();
      }
    },
  };
}

const scanned = once((scan: ScanSpec, _given: null) => scanSchema(scan));

async function runFragment(
  fragment: Fragment,
  builds: BuildSides,
  found: FoundTexts,
  args: Uint8Array | null,
  tables: readonly (readonly FragmentEntry[])[],
  env: FragmentEnv,
): Promise<FragmentResult> {
  const { source } = fragment;
  if (source.kind === 'inspect') {
    const reply = await inspected(source.scan, source.known ?? null, env);
    return { rows: 0, inline: packPlain(reply), slab: null, slices: [] };
  }
  const before = source.kind === 'scan' ? scanned(source.scan, null) : fragment.inputs[source.input]!;
  const inputs: TaskInputs = { tables, position: env.position, shared: new Map(), builds, lent: new Lent() };
  const out: Batch[] = [];
  const { chain, schema } = buildChain(fragment, before, inputs, batch => out.push(batch));
  let steps: AsyncIterable<void> | Iterable<void>;
  if (source.kind === 'scan') {
    assert(args !== null, 'a scan task has a split');
    const use = readUseOf(fragment, chain, inputs.lent, found);
    steps = pushScan(source.scan, readPlain<Split[]>(args), env, chain, use);
  } else steps = pushInput(source.input, before, fragment, inputs, chain);
  const result = await runSteps(steps, chain, fragment, schema, out, inputs, env);
  inputs.lent.giveBack();
  return result;
}

async function inspected(scan: ScanSpec, known: string | null, env: FragmentEnv): Promise<InspectionReply> {
  const access = { ...env, access: scan.access };
  const reader = await readerOf(scan);
  if (known !== null && (await reader.stamp?.(scan, access)) === known) return { same: true };
  return reader.inspect(scan, access);
}

/** Each step pushes one batch. What needs no waiting is done before anything is awaited. */
async function runSteps(
  steps: AsyncIterable<void> | Iterable<void>,
  chain: Chain,
  fragment: Fragment,
  schema: Schema,
  out: Batch[],
  inputs: TaskInputs,
  env: FragmentEnv,
): Promise<FragmentResult> {
  const { sink } = fragment;
  if (sink.kind === 'file') return writeFile(sink.file, schema, drained(steps, chain, out), env);
  if (Symbol.asyncIterator in steps) for await (const _ of steps);
  else for (const _ of steps);
  chain.finish();
  return finishTask(fragment, schema, out, inputs, env);
}

function* pushInput(
  input: number,
  schema: Schema,
  { ops }: Fragment,
  inputs: TaskInputs,
  chain: Chain,
): Generator<void> {
  const columns = readColumns(ops, null);
  for (const [k, entry] of (inputs.tables[input] ?? []).entries()) {
    if (chain.done) return;
    chain.push(decodeEntry(inputs, entry, schema, columns), k);
    yield;
  }
}

/** What comes out of the chain, as it comes: no more of it is held than one step gives. */
async function* drained(
  steps: AsyncIterable<void> | Iterable<void>,
  chain: Chain,
  out: Batch[],
): AsyncGenerator<Batch> {
  for await (const _ of steps) yield* out.splice(0);
  chain.finish();
  yield* out.splice(0);
}

/** Hands the rows to the sink. */
async function finishTask(
  fragment: Fragment,
  schema: Schema,
  out: readonly Batch[],
  inputs: TaskInputs,
  env: FragmentEnv,
): Promise<FragmentResult> {
  const { sink } = fragment;
  assert(sink.kind !== 'file', 'files are written as rows come');
  if (sink.kind === 'keys') {
    const partsOf = (name: string) => out.map(batch => columnOf(batch, name));
    return enclosed(
      1,
      sink.keys.map(name => summarizeKey(partsOf(name), sink.most)),
    );
  }
  const unfilled =
    sink.kind === 'partition' ? unfilledColumns(schema, out, sink.wide === true, inputs.lent) : null;
  const kept = sink.kind === 'partition' && sink.kept === true;
  if (unfilled !== null) return storeGathered(schema, unfilled, kept, env);
  if (sink.kind === 'records') return storeRecords(schema, out, env);
  const together = () => ({ ...concatBatches(schema, out), schema });
  if (sink.kind === 'dictionaries') return storeDictionaries(together(), env);
  if (sink.kind === 'table') return storeTable(sink, together(), env);
  if (sink.kind === 'partition') {
    const batch = together();
    return store([sink.wide ? widenBatch(batch) : batch], batch.rows, env, sink.kept);
  }
  const apart = sink.kind === 'hash' && isPlainHash(sink) && dealtOneByOne(out);
  return storeSlices(sink, apart ? out : [together()], fragment, inputs, env);
}

/** Asked for by each task: another import() of the same module costs a tenth of a millisecond. */
let readers: typeof import('../io/readers.js') | null = null;

/** What reads files is loaded by the first scan, or by a thread that has nothing else to do. */
export async function loadReaders(): Promise<typeof import('../io/readers.js')> {
  readers ??= await import('../io/readers.js');
  return readers;
}

async function readerOf(scan: ScanSpec) {
  return (await loadReaders()).readerOf(scan);
}

/** Several batches, and several splits of one task, are still one partition: one entry. */
async function* pushScan(
  scan: ScanSpec,
  splits: readonly Split[],
  env: FragmentEnv,
  chain: Chain,
  use: ReadUse,
): AsyncGenerator<void> {
  const reader = await readerOf(scan);
  if (chain.done) return;
  const access = { ...env, access: scan.access };
  for await (const batch of reader.read(scan, splits, access, use)) {
    chain.push(batch, 0);
    yield;
    if (chain.done) return;
  }
}

function enclosed(rows: number, value: unknown): FragmentResult {
  return { rows, inline: packData(value), slab: null, slices: [] };
}

async function writeFile(
  file: AnySinkSpec,
  schema: Schema,
  batches: AsyncIterable<Batch>,
  env: FragmentEnv,
): Promise<FragmentResult> {
  const receipt =
    file.format === 'postgres'
      ? await (await import('../io/postgres/writer.js')).writeTable(file, schema, batches, env)
      : await (await import('../io/sink.js')).writeSink(file, schema, batches, {
          ...env,
          access: file.access,
        });
  return enclosed(receipt.rows, receipt);
}

/** One slab for all slices of the batches: of one, but where rows are dealt out by hash. */
function storeSlices(
  sink: Extract<FragmentSink, { kind: 'hash' | 'cut' | 'range' }>,
  batches: readonly Batch[],
  fragment: Fragment,
  inputs: TaskInputs,
  env: FragmentEnv,
): FragmentResult {
  const { lent } = inputs;
  const parts = sink.kind === 'hash' ? (sink.parts ?? 1) : 1;
  if (sink.kind === 'hash' && sink.spread !== undefined) {
    const batch = batches[0]!;
    const keys = sink.keys.map(name => columnOf(batch, name));
    return store(spreadSlices(batch, keys, sink.fanOut, sink.spread, inputs.position), batch.rows, env);
  }
  const dealt = batches.map((batch): Dealt => ({ batch, ...pieces(sink, batch, fragment, inputs) }));
  const interleaved = sink.kind === 'hash' && sink.interleaved === true;
  const inSlab = storeDealt(dealt, { parts, interleaved }, env, checkSize);
  if (inSlab !== null) return inSlab;
  const rows = dealt.reduce((sum, { batch }) => sum + batch.rows, 0);
  const [first, ...others] = dealt.map(({ batch, slice, counts }) =>
    slicesOf(batch, slice, counts, parts, lent),
  );
  if (others.length === 0) return store(first!, rows, env);
  const { schema } = batches[0]!;
  return store(
    first!.map((slice, s) => concatBatches(schema, [slice, ...others.map(of => of[s]!)], lent)),
    rows,
    env,
  );
}

/** Each row goes to one slice, which is one piece. */
function isPlainHash({ spread, parts = 1 }: Extract<FragmentSink, { kind: 'hash' }>): boolean {
  return spread === undefined && parts === 1;
}

/** The piece of a slice that each row goes to, and the rows of each. */
function pieces(
  sink: Extract<FragmentSink, { kind: 'hash' | 'cut' | 'range' }>,
  batch: Batch,
  fragment: Fragment,
  inputs: TaskInputs,
): { slice: Uint16Array; counts: Int32Array } {
  switch (sink.kind) {
    case 'hash': {
      const keys = sink.keys.map(name => columnOf(batch, name));
      return dealRows(keys, batch.rows, sink.fanOut * (sink.parts ?? 1), inputs.lent);
    }
    case 'cut': {
      const slice = cutRows(sink, inputs.position, batch.rows);
      const counts = new Int32Array(sink.fanOut);
      for (const s of slice) counts[s]!++;
      return { slice, counts };
    }
    case 'range':
      return dealtRanges(batch, sink, fragment, inputs);
    default:
      return assertNever(sink);
  }
}

function cutRows(
  { starts, total, fanOut }: Extract<FragmentSink, { kind: 'cut' }>,
  task: number,
  rows: number,
): Uint16Array {
  const slice = new Uint16Array(rows);
  const first = starts[task]!;
  for (let i = 0; i < rows; i++) slice[i] = Math.floor(((first + i) * fanOut) / total);
  return slice;
}

/** Each slice is contiguous, aligned, and has dictionaries of its own. */
function store(slices: readonly Batch[], rows: number, env: FragmentEnv, narrow = false): FragmentResult {
  const parts = slices.map(compactBatch);
  const sizes = parts.map(part => sizeOfBatch(part, narrow));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  checkSize(total);
  const slab = env.allocate(total);
  let offset = 0;
  const written = parts.map((part, s) => {
    const at = offset;
    offset += sizes[s]!;
    return { header: writeBatch(part, slab.subarray(at, offset), narrow), offset: at };
  });
  return { rows, inline: null, slab, slices: written };
}

/** Rows that are only chosen yet are gathered where the slab has them. */
function storeGathered(
  schema: Schema,
  unfilled: UnfilledColumns,
  narrow: boolean,
  env: FragmentEnv,
): FragmentResult {
  const columns = unfilled.columns.map(({ column }) => column);
  const total = sizeOfUnfilled(unfilled) + (narrow ? sizeOfNarrow(columns) : 0);
  checkSize(total);
  const rows = columns[0]!.length;
  const slab = env.allocate(total);
  const header = writeBatch(fillColumns(schema, rows, unfilled, slab), slab.subarray(0, total), narrow);
  return { rows, inline: null, slab, slices: [{ header, offset: 0 }] };
}

function storeRecords(schema: Schema, out: readonly Batch[], env: FragmentEnv): FragmentResult {
  const { rows, byteLength, write } = recordsWriter(schema, out);
  checkSize(byteLength);
  const slab = env.allocate(byteLength);
  const header = write(slab.subarray(0, byteLength));
  return { rows, inline: null, slab, slices: [{ header, offset: 0 }] };
}

function storeDictionaries(batch: Batch, env: FragmentEnv): FragmentResult {
  const none = sliceBatch(batch, 0, 0);
  const total = sizeOfBatch(none);
  checkSize(total);
  const slab = env.allocate(total);
  const header = writeBatch(none, slab.subarray(0, total));
  return { rows: 0, inline: null, slab, slices: [{ header, offset: 0 }] };
}

function storeTable(
  sink: Extract<FragmentSink, { kind: 'table' }>,
  batch: Batch,
  env: FragmentEnv,
): FragmentResult {
  // What the table is over and what is kept must have one code for one text.
  const distinct = distinctText(batch);
  const inTable = (name: string, column: Column) =>
    sink.keys.includes(name) ? comparableColumn(column) : column;
  const columnsOf = distinct.columns.map((column, c) => inTable(distinct.schema[c]!.name, column));
  // Entries that no row refers to are dropped before the table is built: dropping them renumbers the codes.
  const rows = compactBatch({ ...distinct, columns: columnsOf });
  const keys = sink.keys.map(name => columnOf(rows, name));
  const table = buildJoinTable(keys, rows.rows, sink.tier ?? undefined);
  const kept = rows.schema.flatMap((field, c) => (sink.columns.includes(field.name) ? [c] : []));
  const schema = kept.map(c => rows.schema[c]!);
  const columns = kept.map(c => rows.columns[c]!);
  const { byteLength, write } = tableWriter({ schema, rows: rows.rows, columns }, table);
  checkSize(byteLength);
  const slab = env.allocate(byteLength);
  const header = write(slab.subarray(0, byteLength));
  return { rows: rows.rows, inline: null, slab, slices: [{ header, offset: 0 }] };
}

function checkSize(bytes: number): void {
  if (bytes <= limits.slabBytes) return;
  throw new VolleyError(
    'RESOURCE_EXHAUSTED',
    `a partition of ${bytes} bytes is beyond the limit of ${limits.slabBytes}: use more partitions (repartition, smaller row groups) or select fewer columns`,
    { bytes, limit: limits.slabBytes },
  );
}
