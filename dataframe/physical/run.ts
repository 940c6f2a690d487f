import { assert } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import { packData, unpackData } from '../../core/wire/msgpack.js';
import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { columnOf } from '../column/layout.js';
import { sizeOfBatch, writeBatch } from '../column/slab.js';
import type { ScanSpec, SinkSpec, Split } from '../io/source.js';
import { compactBatch, concatBatches } from '../kernels/concat.js';
import { hashRows, scatterRows } from '../kernels/hash.js';
import { takeBatch } from '../kernels/take.js';
import { buildChain, type Chain, decodeInput, type TaskInputs } from './chain.js';
import type { Fragment, FragmentSink } from './fragment.js';
import { scanSchema } from './schema.js';
import type { FragmentEnv, FragmentInput, FragmentResult } from './task.js';

export interface PreparedFragment {
  /**
   * Runs one task. `args`: msgpack of the Split of a scan. `inputs`: the entries of each dependency, in order. The
   * result's columns are copied into what env.allocate gave; nothing of the inputs is referred to afterwards.
   */
  run(
    args: Uint8Array | null,
    inputs: readonly (readonly FragmentInput[])[],
    env: FragmentEnv,
  ): Promise<FragmentResult>;
}

/** Reads a fragment once, for all tasks of its layer. */
export function prepareFragment(body: Uint8Array): PreparedFragment {
  const fragment = unpackData<Fragment>(body);
  return { run: (args, inputs, env) => runFragment(fragment, args, inputs, env) };
}

async function runFragment(
  fragment: Fragment,
  args: Uint8Array | null,
  tables: readonly (readonly FragmentInput[])[],
  env: FragmentEnv,
): Promise<FragmentResult> {
  const { source, sink } = fragment;
  if (source.kind === 'inspect') {
    const inspection = await (await readerOf(source.scan)).inspect(source.scan, env);
    return enclosed(0, inspection);
  }
  const before = source.kind === 'scan' ? scanSchema(source.scan) : fragment.inputs[source.input]!;
  const inputs: TaskInputs = { tables, position: env.position, shared: new Map() };
  const out: Batch[] = [];
  const { chain, schema } = buildChain(fragment, before, inputs, batch => out.push(batch));
  if (source.kind === 'scan') {
    assert(args !== null, 'a scan task has a split');
    await pushScan(source.scan, unpackData<Split>(args), env, chain);
  } else pushInput(decodeInput(inputs, source.input, before), chain);
  chain.finish();
  if (sink.kind === 'file') return writeFile(sink.file, schema, out, env);
  return store(sink, { ...concatBatches(schema, out), schema }, env);
}

async function readerOf(scan: ScanSpec) {
  const { readerFor } = await import('../io/readers.js');
  return readerFor(scan.format);
}

/** Several batches of one split are still one partition: one entry. */
async function pushScan(scan: ScanSpec, split: Split, env: FragmentEnv, chain: Chain): Promise<void> {
  const reader = await readerOf(scan);
  if (chain.done) return;
  for await (const batch of reader.read(scan, split, env)) {
    chain.push(batch, 0);
    if (chain.done) return;
  }
}

function pushInput(batches: readonly Batch[], chain: Chain): void {
  for (let entry = 0; entry < batches.length && !chain.done; entry++) chain.push(batches[entry]!, entry);
}

function enclosed(rows: number, value: unknown): FragmentResult {
  return { rows, inline: packData(value), slab: null, slices: [] };
}

async function writeFile(
  file: SinkSpec,
  schema: Schema,
  batches: readonly Batch[],
  env: FragmentEnv,
): Promise<FragmentResult> {
  const { writeSink } = await import('../io/sink.js');
  const receipt = await writeSink(file, schema, batches, env);
  return enclosed(receipt.rows, receipt);
}

/** One slab for all slices: each is contiguous, aligned, and has dictionaries of its own. */
function store(
  sink: Exclude<FragmentSink, { kind: 'file' }>,
  batch: Batch,
  env: FragmentEnv,
): FragmentResult {
  const parts = (sink.kind === 'hash' ? slicesOf(batch, sink.keys, sink.fanOut) : [batch]).map(compactBatch);
  const sizes = parts.map(sizeOfBatch);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > limits.slabBytes) {
    throw new VolleyError(
      'RESOURCE_EXHAUSTED',
      `a partition of ${total} bytes is beyond the limit of ${limits.slabBytes}: use more partitions (repartition, smaller row groups) or select fewer columns`,
      { bytes: total, limit: limits.slabBytes },
    );
  }
  const slab = env.allocate(total);
  let offset = 0;
  const slices = parts.map((part, s) => {
    const at = offset;
    offset += sizes[s]!;
    return { header: writeBatch(part, slab.subarray(at, offset)), offset: at };
  });
  return { rows: batch.rows, inline: null, slab, slices };
}

function slicesOf(batch: Batch, keys: readonly string[], fanOut: number): Batch[] {
  const columns = keys.map(name => columnOf(batch, name));
  const { order, starts } = scatterRows(hashRows(columns, batch.rows), batch.rows, fanOut);
  return Array.from({ length: fanOut }, (_, s) => {
    const rows = order.subarray(starts[s]!, starts[s + 1]!);
    return takeBatch(batch, rows, rows.length);
  });
}
