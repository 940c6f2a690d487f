import { randomUUID } from 'node:crypto';
import { isVolleyError, VolleyError } from '../../core/base/errors.js';
import type { Executor } from '../../core/graph/executor.js';
import { unpackData } from '../../core/wire/msgpack.js';
import type { SinkReceipt, SinkSpec } from '../io/source.js';
import type { Verb } from '../plan/verb.js';
import { build } from './build.js';
import { type PlanOptions, planConstants } from './constants.js';
import { GraphRunner } from './graph-runner.js';
import { gather, overLayer, type Pipeline, submitPipeline } from './pipeline.js';
import { withRun } from './run.js';

/** Of every sink. */
export interface SinkOptions {
  /** Replace what is at the path; else it is an error. */
  readonly overwrite?: boolean;
}

export interface ParquetSinkOptions extends SinkOptions {
  readonly compression?: 'snappy' | 'zstd' | 'none';
  /** Rows of a row group: the partitions of whoever reads the file. */
  readonly rowGroupRows?: number;
}

export interface CSVSinkOptions extends SinkOptions {
  /** A first line with the names, in every file. Default true. */
  readonly header?: boolean;
  /** One ASCII character. Default ','. */
  readonly delimiter?: string;
  /** One ASCII character; doubled within quoted fields. Default '"'. */
  readonly quote?: string;
  /** What stands for null; equal texts are quoted. Default '': the empty field. */
  readonly nullValue?: string;
}

export interface SinkResult {
  readonly rows: number;
  readonly files: readonly string[];
}

/** What a format adds to a sink. */
type SinkForm = Pick<SinkSpec, 'format'> & Partial<Pick<SinkSpec, 'csv' | 'compression' | 'rowGroupRows'>>;

export const sinkForms = {
  parquet: ({ compression, rowGroupRows }: ParquetSinkOptions): SinkForm => ({
    format: 'parquet',
    compression: compression ?? 'snappy',
    rowGroupRows: rowGroupRows ?? planConstants.rowGroupRows,
  }),
  csv: ({ header, delimiter, quote, nullValue }: CSVSinkOptions): SinkForm => ({
    format: 'csv',
    csv: {
      header: header ?? true,
      delimiter: delimiter ?? ',',
      quote: quote ?? '"',
      nullValue: nullValue ?? '',
    },
  }),
  ndjson: (): SinkForm => ({ format: 'ndjson' }),
};

/**
 * Writes the answer to files. A path that ends in the format's extension is one file, written by one task; anything
 * else a folder with a file per partition, which appears under its name when all are written.
 */
export function sinkFiles(
  verb: Verb,
  { executor, options: planOptions }: { executor: Executor; options: PlanOptions },
  path: string,
  form: SinkForm,
  options: SinkOptions,
): Promise<SinkResult> {
  return withRun(verb, executor, `sink ${form.format}`, async (plan, runner) => {
    if (options.overwrite !== true) await refuseExisting(path, executor);
    const pipeline = await build(plan, { runner, options: planOptions });
    const spec: SinkSpec = {
      csv: null,
      compression: 'none',
      rowGroupRows: planConstants.rowGroupRows,
      ...form,
      path,
      temporaryPath: `${path.replace(/\/+$/, '')}.tmp-${randomUUID()}`,
      overwrite: options.overwrite ?? false,
      role: 'file',
    };
    return path.endsWith(`.${form.format}`)
      ? writeFile(pipeline, spec, runner)
      : writeFolder(pipeline, spec, runner);
  });
}

/**
 * Throws SINK_EXISTS when a worker sees something at the path: before the work is done rather than after it. The tasks
 * that write look again. A job of its own: that nothing is there, which is a failure of its task, is the good case.
 */
async function refuseExisting(path: string, executor: Executor): Promise<void> {
  const runner = new GraphRunner(executor, executor.openJob('look before writing'));
  try {
    await runner.inspect({
      format: 'parquet',
      paths: [path],
      csv: null,
      columns: null,
      predicate: null,
      schema: null,
    });
  } catch (error) {
    if (isVolleyError(error, 'FILE_NOT_FOUND')) return;
    const unreadable = isVolleyError(error, 'BAD_DATA') || isVolleyError(error, 'UNSUPPORTED');
    if (!unreadable) throw error;
  } finally {
    runner.close();
  }
  throw new VolleyError(
    'SINK_EXISTS',
    `${JSON.stringify(path)} exists: write to another path, remove it, or pass { overwrite: true }`,
    { path },
  );
}

async function writeFile(pipeline: Pipeline, spec: SinkSpec, runner: GraphRunner): Promise<SinkResult> {
  const single = pipeline.tasks === 1 ? pipeline : gather(runner, pipeline);
  const [receipt] = await write(single, spec, runner);
  return { rows: receipt!.rows, files: receipt!.files };
}

async function writeFolder(pipeline: Pipeline, spec: SinkSpec, runner: GraphRunner): Promise<SinkResult> {
  let parts: SinkReceipt[];
  try {
    parts = await write(pipeline, { ...spec, role: 'part' }, runner);
    await finish('commit', pipeline, spec, runner);
  } catch (error) {
    // The failure is what the user must hear, even when the hidden folder cannot be removed either.
    await finish('discard', pipeline, spec, runner).catch(() => {});
    throw error;
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const folder = spec.path.replace(/\/+$/, '');
  const name = (file: string) => file.slice(file.lastIndexOf('/') + 1);
  return { rows, files: parts.flatMap(part => part.files.map(file => `${folder}/${name(file)}`)) };
}

/** Makes the folder visible, or removes what was written of it. */
async function finish(
  role: 'commit' | 'discard',
  { schema }: Pipeline,
  spec: SinkSpec,
  runner: GraphRunner,
): Promise<void> {
  // There are no rows to read, but a task needs a source: one partition without rows.
  const nothing = await runner.empty(schema);
  await write(
    overLayer({ rule: 'all', from: nothing.range }, nothing.schema, 1, async () => 0),
    { ...spec, role },
    runner,
  );
}

/** One receipt per task. */
async function write(pipeline: Pipeline, file: SinkSpec, runner: GraphRunner): Promise<SinkReceipt[]> {
  const layer = submitPipeline(runner, pipeline, { kind: 'file', file });
  const tasks = Array.from({ length: layer.range.count }, (_, task) => runner.inlineResult(layer, task));
  return (await Promise.all(tasks)).map(bytes => unpackData<SinkReceipt>(bytes));
}
