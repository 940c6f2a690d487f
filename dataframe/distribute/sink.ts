import { isVolleyError, VolleyError } from '../../core/base/errors.js';
import { nodeCrypto } from '../../core/base/on-demand.js';
import type { Executor } from '../../core/graph/executor.js';
import { unpackData } from '../../core/wire/msgpack.js';
import type { Schema } from '../column/datatype.js';
import type {
  AnySinkSpec,
  S3Options,
  SinkFormat,
  SinkReceipt,
  SinkSpec,
  SourceAccess,
} from '../io/source.js';
import { packingNamed } from '../io/text/pack.js';
import { schemeOf } from '../io/urls.js';
import { isFilePath } from '../io/writers.js';
import type { Verb } from '../plan/verb.js';
import { build } from './build.js';
import { type PlanOptions, planConstants } from './constants.js';
import { GraphRunner, type Progress } from './graph-runner.js';
import { gather, overLayer, type Pipeline, submitPipeline } from './pipeline.js';
import { withRun } from './run.js';

export interface SinkOptions {
  /** Columns whose values name folders (`year=2024/month=1/`) instead of being written: the path is a folder. */
  readonly partitionBy?: string | readonly string[];
  /** Replace what is at the path; else it is an error. */
  readonly overwrite?: boolean;
  /** For s3:// URLs. */
  readonly s3?: S3Options;
  /** Told after each task, those of stages before the writing too. What it throws fails the sink. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface ParquetSinkOptions extends SinkOptions {
  readonly compression?: 'snappy' | 'zstd' | 'none';
  /** Columns with a Bloom filter in each row group, for readers that look for one value of many. Default none. */
  readonly bloomFilters?: readonly string[];
  /** Rows of a row group: the partitions of whoever reads the file. */
  readonly rowGroupRows?: number;
}

export interface TextSinkOptions extends SinkOptions {
  /** Default: as the path is named (`x.csv.gz`, `x.csv.zst`), else none. */
  readonly compression?: 'none' | 'gzip' | 'zstd';
}

export interface CSVSinkOptions extends TextSinkOptions {
  /** A first line with the names, in every file. Default true. */
  readonly header?: boolean;
  /** One ASCII character. Default ','. */
  readonly delimiter?: string;
  /** One ASCII character; doubled within quoted fields. Default '"'. */
  readonly quote?: string;
  /** What stands for null; equal texts are quoted. Default '': the empty field. */
  readonly nullValue?: string;
}

export interface IPCSinkOptions extends SinkOptions {
  /** Of every buffer. Default 'none': values are read in place. */
  readonly compression?: 'none' | 'lz4' | 'zstd';
  /** Columns of text that are written as codes of a dictionary, one for each file; true: all of them. Default none. */
  readonly dictionaries?: true | readonly string[];
  /** Rows of a record batch: the partitions of whoever reads the file. */
  readonly batchRows?: number;
}

export interface SinkResult {
  readonly rows: number;
  readonly files: readonly string[];
}

/** What a format adds to a sink. */
type SinkForm = Pick<SinkSpec, 'format'> &
  Partial<Pick<SinkSpec, 'csv' | 'ipc' | 'compression' | 'rowGroupRows' | 'bloomFilters'>> & {
    /** Of text: what the user says. */
    readonly packed?: TextSinkOptions['compression'];
  };

export const sinkForms = {
  parquet: ({ compression, rowGroupRows, bloomFilters }: ParquetSinkOptions): SinkForm => ({
    format: 'parquet',
    compression: compression ?? 'snappy',
    bloomFilters: bloomFilters ?? [],
    rowGroupRows: rowGroupRows ?? planConstants.rowGroupRows,
  }),
  csv: ({ header, delimiter, quote, nullValue, compression }: CSVSinkOptions): SinkForm => ({
    format: 'csv',
    packed: compression,
    csv: {
      header: header ?? true,
      delimiter: delimiter ?? ',',
      quote: quote ?? '"',
      nullValue: nullValue ?? '',
    },
  }),
  ndjson: ({ compression }: TextSinkOptions): SinkForm => ({ format: 'ndjson', packed: compression }),
  json: ({ compression }: TextSinkOptions): SinkForm => ({ format: 'json', packed: compression }),
  ipc: ({ compression, batchRows, dictionaries }: IPCSinkOptions): SinkForm => ({
    format: 'ipc',
    ipc: { compression: compression ?? 'none', dictionaries: dictionaries ?? [] },
    rowGroupRows: batchRows ?? planConstants.rowGroupRows,
  }),
};

/**
 * Writes the answer to files. A path that ends in the format's extension is one file, written by one task; anything
 * else a folder with a file per partition, which appears under its name when all are written.
 */
export async function sinkFiles(
  verb: Verb,
  { executor, options: planOptions }: { executor: Executor; options: PlanOptions },
  path: string,
  { packed, ...form }: SinkForm,
  options: SinkOptions,
): Promise<SinkResult> {
  const scheme = schemeOf(path);
  if (scheme !== null && scheme !== 's3:') {
    throw new VolleyError(
      'UNSUPPORTED',
      `nothing is written to ${scheme}// URLs: give a path or an s3:// URL`,
    );
  }
  const access = scheme === null ? undefined : { urls: {}, ...(options.s3 && { s3: options.s3 }) };
  const packing = packingOf(path, form.format, packed);
  return withRun(verb, executor, `sink ${form.format}`, async (plan, runner) => {
    if (options.overwrite !== true) await refuseExisting(path, access, executor);
    runner.onProgress = options.onProgress ?? null;
    const pipeline = await build(plan, { runner, options: planOptions });
    const spec: SinkSpec = {
      csv: null,
      compression: 'none',
      rowGroupRows: planConstants.rowGroupRows,
      ...form,
      packing,
      path,
      temporaryPath: `${path.replace(/\/+$/, '')}.tmp-${nodeCrypto().randomUUID()}`,
      partitionBy: keysOf(path, form.format, options),
      overwrite: options.overwrite ?? false,
      role: 'file',
      ...(access && { access }),
    };
    return isFilePath(path, form.format)
      ? writeFile(pipeline, spec, runner)
      : writeFolder(pipeline, spec, runner);
  });
}

/** @throws INVALID_ARGUMENT where the name of a file says otherwise */
function packingOf(
  path: string,
  format: SinkFormat,
  packed: TextSinkOptions['compression'],
): SinkSpec['packing'] {
  const named = isFilePath(path, format) ? packingNamed(path) : null;
  if (packed === undefined || packed === named) return named;
  if (!['none', 'gzip', 'zstd'].includes(packed)) {
    throw new VolleyError('INVALID_ARGUMENT', `compression is 'none', 'gzip' or 'zstd', not '${packed}'`);
  }
  if (named === null) return packed === 'none' ? null : packed;
  throw new VolleyError(
    'INVALID_ARGUMENT',
    `compression is '${packed}', but ${JSON.stringify(path)} is the name of a file of ${named}: leave one of them away`,
    { path },
  );
}

function keysOf(path: string, format: SinkFormat, { partitionBy = [] }: SinkOptions): readonly string[] {
  const keys = typeof partitionBy === 'string' ? [partitionBy] : partitionBy;
  if (keys.length > 0 && isFilePath(path, format)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `partitionBy writes a folder: give a path without the extension of a file, not ${JSON.stringify(path)}`,
      { path },
    );
  }
  if (new Set(keys).size === keys.length) return keys;
  throw new VolleyError('INVALID_ARGUMENT', 'partitionBy names a column twice');
}

/**
 * Throws SINK_EXISTS when a worker sees something at the path: before the work is done rather than after it. The tasks
 * that write look again. A job of its own: that nothing is there, which is a failure of its task, is the good case.
 */
async function refuseExisting(
  path: string,
  access: SourceAccess | undefined,
  executor: Executor,
): Promise<void> {
  const runner = new GraphRunner(executor, executor.openJob('look before writing'));
  try {
    await runner.inspect({
      format: 'parquet',
      paths: [path],
      csv: null,
      columns: null,
      predicate: null,
      schema: null,
      ...(access && { access }),
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
  const [receipt] = await writeParts(single, spec, runner);
  return { rows: receipt!.rows, files: receipt!.files };
}

async function writeFolder(pipeline: Pipeline, spec: SinkSpec, runner: GraphRunner): Promise<SinkResult> {
  let parts: SinkReceipt[];
  try {
    await writeOnce(pipeline.schema, { ...spec, role: 'prepare' }, runner);
    parts = await writeParts(pipeline, { ...spec, role: 'part' }, runner);
    const uploads = parts.flatMap(part => part.uploads ?? []);
    await writeOnce(pipeline.schema, { ...spec, role: 'commit', uploads }, runner);
  } catch (error) {
    // The failure is what the user must hear, even when the hidden folder cannot be removed either. Nobody is told of this any more: a listener
    // that throws would keep it from being done.
    runner.onProgress = null;
    await writeOnce(pipeline.schema, { ...spec, role: 'discard' }, runner).catch(() => {});
    throw error;
  }
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const folder = spec.path.replace(/\/+$/, '');
  // The folders of the keys, and the file.
  const inner = 1 + (spec.partitionBy?.length ?? 0);
  const name = (file: string) => file.split('/').slice(-inner).join('/');
  return { rows, files: parts.flatMap(part => part.files.map(file => `${folder}/${name(file)}`)) };
}

/** What one task does when there are no rows to write: makes the output visible, or removes what was written of it. */
export async function writeOnce(schema: Schema, spec: AnySinkSpec, runner: GraphRunner): Promise<void> {
  // A task needs a source: one partition without rows.
  const nothing = await runner.empty(schema);
  await writeParts(
    overLayer({ rule: 'all', from: nothing.range }, nothing.schema, 1, async () => 0),
    spec,
    runner,
  );
}

/** One receipt per task. */
export async function writeParts(
  pipeline: Pipeline,
  file: AnySinkSpec,
  runner: GraphRunner,
): Promise<SinkReceipt[]> {
  const layer = submitPipeline(runner, pipeline, { kind: 'file', file });
  const tasks = Array.from({ length: layer.range.count }, (_, task) => runner.inlineResult(layer, task));
  return (await Promise.all(tasks)).map(bytes => unpackData<SinkReceipt>(bytes));
}
