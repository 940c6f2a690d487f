import { evaluate } from '../codegen/evaluate.js';
import type { Batch, Column } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { nullColumn } from '../column/layout.js';
import type { LiteralValue } from '../expr/node.js';
import { columnsOf, conjunction, conjuncts } from '../expr/traverse.js';
import { selectedFields } from './columns.js';
import { filesThatMatch, hivePartitions } from './hive.js';
import { absolutePath, resolveSources } from './paths.js';
import type {
  ColumnStatistics,
  IoEnv,
  ReadUse,
  ScanInspection,
  ScanSpec,
  SourceReader,
  Split,
} from './source.js';
import { splitsByFile } from './split-runs.js';
import { schemeOf } from './urls.js';

/**
 * A reader whose files lie in folders named key=value: the keys are columns after those of the files, and win over a
 * column of the same name in them. Files that a filter on keys leaves out are never opened.
 */
export function hiveReader(files: SourceReader): SourceReader {
  return {
    inspect: (scan, env) => inspect(files, scan, env),
    stamp: (scan, env) => stamp(files, scan, env),
    read: (scan, splits, env, use) => read(files, scan, splits, env, use),
  };
}

/** The files of the scan, and what their folders tell. */
async function partitionsOf(scan: ScanSpec, env: IoEnv) {
  const hive = scan.hive!;
  const files: string[] = [];
  const roots = new Map<string, string>();
  for (const path of scan.paths) {
    const found = await resolveSources([path], scan.format, env);
    const root = schemeOf(path) === null ? absolutePath(path) : path;
    for (const file of found)
      roots.set(file, hive.when === 'always' ? '' : file.startsWith(root) ? root : file);
    files.push(...found);
  }
  const partitions = hivePartitions(files, file => roots.get(file)!, hive.types, hive.when === 'always');
  return { files, partitions };
}

/** Of files whose folders tell nothing: those of others come and go with what is asked. */
async function stamp(reader: SourceReader, scan: ScanSpec, env: IoEnv): Promise<string | null> {
  if (reader.stamp === undefined) return null;
  const { files, partitions } = await partitionsOf(scan, env);
  return partitions === null ? reader.stamp({ ...scan, paths: files }, env) : null;
}

async function inspect(reader: SourceReader, scan: ScanSpec, env: IoEnv): Promise<ScanInspection> {
  const { files, partitions } = await partitionsOf(scan, env);
  if (partitions === null) return reader.inspect({ ...scan, paths: files, predicate: null }, env);
  const { columns, values } = partitions;
  const kept = filesThatMatch(partitions, scan.predicate);
  const paths = (kept.length === 0 ? [0] : kept).map(file => files[file]!);
  const inner = await reader.inspect({ ...scan, paths, columns: null, predicate: null }, env);
  const names = new Set(columns.map(({ name }) => name));
  const schema = [...inner.schema.filter(({ name }) => !names.has(name)), ...columns];
  selectedFields(schema, scan.columns, `scan of ${scan.paths.join(', ')}`);
  const byFile = new Map(files.map((file, f) => [file, values[f]!]));
  const splits = inner.splits.map(split => withKeys(split, columns, byFile.get(split.path)!));
  return { schema, splits: kept.length === 0 ? [] : splits, hive: { columns, file: inner.schema } };
}

/** What the folders say is true of every row: statistics like any other. */
function withKeys(split: Split, columns: Schema, values: readonly LiteralValue[]): Split {
  const known = columns.map(({ name }, c): [string, ColumnStatistics] => {
    const value = values[c] as number | string | boolean | null;
    return [name, { min: value, max: value, nullCount: value === null ? split.rows : 0 }];
  });
  return { ...split, statistics: { ...split.statistics, ...Object.fromEntries(known) }, hive: values };
}

async function* read(
  reader: SourceReader,
  scan: ScanSpec,
  splits: readonly Split[],
  env: IoEnv,
  use: ReadUse,
): AsyncGenerator<Batch> {
  if (!scan.hive?.found || splits.some(split => split.hive === undefined)) {
    yield* reader.read(scan, splits, env, use);
    return;
  }
  let left = use.rows;
  // The keys of one file are those of all its splits.
  for (const file of splitsByFile(splits)) {
    if (left <= 0) return;
    for await (const batch of readFile(reader, scan, file, env, { ...use, rows: left })) {
      yield batch;
      left -= batch.rows;
    }
  }
}

async function* readFile(
  reader: SourceReader,
  scan: ScanSpec,
  splits: readonly Split[],
  env: IoEnv,
  use: ReadUse,
): AsyncGenerator<Batch> {
  const found = scan.hive!.found!;
  const { path, hive } = splits[0]!;
  const names = new Set(found.columns.map(({ name }) => name));
  const fields = selectedFields(scan.schema!, scan.columns, `scan of ${path}`);
  const ofFile = fields.filter(({ name }) => !names.has(name));
  const conditions = scan.predicate === null ? [] : conjuncts(scan.predicate);
  const inner: ScanSpec = {
    ...scan,
    schema: found.file,
    columns: ofFile.map(({ name }) => name),
    predicate: conjunction(conditions.filter(each => [...columnsOf(each)].every(name => !names.has(name)))),
  };
  for await (const batch of reader.read(inner, splits, env, use)) {
    const columns = fields.map((field): Column => {
      const c = found.columns.findIndex(({ name }) => name === field.name);
      if (c < 0) return batch.columns[ofFile.indexOf(field)]!;
      const value = hive![c]!;
      if (value === null) return nullColumn(field.type, batch.rows);
      return evaluate([{ kind: 'literal', value, type: field.type }], batch, null)[0]!;
    });
    yield { schema: fields, rows: batch.rows, columns };
  }
}
