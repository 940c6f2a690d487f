import { assert } from '../../../core/base/assert.js';
import { VolleyError } from '../../../core/base/errors.js';
import type { Batch } from '../../column/column.js';
import { formatType, type Schema, sameType } from '../../column/datatype.js';
import { columnNotFound } from '../../expr/nearest.js';
import type { ExprNode } from '../../expr/node.js';
import { columnsOf } from '../../expr/traverse.js';
import { Lent } from '../../kernels/lent.js';
import { requireSameSchema, selectedFields } from '../columns.js';
import { badData } from '../errors.js';
import { openSource, resolveSources } from '../paths.js';
import { mayMatch } from '../prune.js';
import type { IoEnv, OpenSource, ReadUse, ScanInspection, ScanSpec, SourceReader, Split } from '../source.js';
import { splitsUpTo } from '../split-runs.js';
import { stampOf, stampOfScan } from '../stamps.js';
import { mayHoldRows } from './bloom-filter.js';
import { chooseRows, type Passing } from './choose.js';
import { chunkRange, decodeColumn } from './chunk.js';
import { loadCodec } from './decompress.js';
import { fileTexts } from './file-texts.js';
import { type Footer, readFooter } from './footer.js';
import { decodeLate } from './late.js';
import { lookUpRows } from './look-up.js';
import type { ColumnMetaData, FileMetaData, RowGroup } from './metadata.js';
import { type IndexedChunk, liveRows } from './page-index.js';
import { type ByteRange, readRanges } from './ranges.js';
import { rowGroupStatistics } from './statistics.js';
import { type FileColumn, leafColumns, requireSupported } from './types.js';

/** Rows up to which row groups are read as one batch. */
const batchRows = 2 ** 20;

/** Parquet: one split per row group. Inspection reads footers only; columns that nobody asks for are never touched. */
export const parquetReader: SourceReader = { inspect, stamp: stampOfScan, read };

async function inspect(scan: ScanSpec, env: IoEnv): Promise<ScanInspection> {
  const files = await resolveSources(scan.paths, 'parquet', env);
  const splits: Split[] = [];
  const stamps: (string | null)[] = [];
  let schema: Schema | null = null;
  for (const file of files) {
    const { footer, stamp } = await openFooter(file, env);
    const { metadata, columns } = footer;
    stamps.push(stamp);
    const own = columns.map(({ name, type }) => ({ name, type }));
    if (schema === null) {
      schema = own;
      selectedFields(schema, scan.columns, `scan of ${file}`);
    } else {
      requireSameSchema(schema, own, files[0] as string, file);
    }
    metadata.row_groups.forEach((group, rowGroup) => {
      const rows = group.num_rows;
      const statistics = rowGroupStatistics(group, columns);
      if (rows > 0 && mayMatch(scan.predicate, own, statistics, rows)) {
        const bytes = decodedBytes(group, columns, scan.columns);
        splits.push({ path: file, rowGroup, start: 0, end: 0, rows, bytes, statistics });
      }
    });
  }
  // Plans need at least one partition to carry the schema.
  if (splits.length === 0) {
    splits.push({
      path: files[0] as string,
      rowGroup: 0,
      start: 0,
      end: 0,
      rows: 0,
      bytes: 0,
      statistics: null,
    });
  }
  return { schema: schema ?? [], splits, stamp: stampOf(files, stamps) };
}

async function* read(
  scan: ScanSpec,
  splits: readonly Split[],
  env: IoEnv,
  use: ReadUse,
): AsyncGenerator<Batch> {
  const { schema: whole } = scan;
  assert(whole !== null, 'a scan is read after its inspection');
  let left = use.rows;
  const wanted = splits.filter(
    ({ rows, statistics }) =>
      rows > 0 && (statistics === null || mayMatch(scan.predicate, whole, statistics, rows)),
  );
  // What is looked up for a batch is looked up once.
  for (const splits of splitsUpTo(batchRows, wanted)) {
    if (left <= 0) return;
    const schema = selectedFields(whole, scan.columns, `scan of ${splits[0]!.path}`);
    const batch = await readBatch(schema, scan.predicate, splits, env, { ...use, rows: left });
    left -= splits.reduce((sum, { rows }) => sum + rows, 0);
    yield batch;
  }
}

async function readBatch(
  schema: Schema,
  predicate: ExprNode | null,
  splits: readonly Split[],
  env: IoEnv,
  use: ReadUse,
): Promise<Batch> {
  const file = splits[0]!.path;
  const source = await openSource(file, env);
  const { handle, size } = source;
  const lent = new Lent();
  try {
    const footer = await readFooter(source, file);
    const { metadata } = footer;
    const columns = schema.map(field => columnNamed(footer.columns, field.name, field, file));
    const groups = await withoutLacking(
      source,
      groupsOf(metadata, splits, use.rows),
      columns,
      predicate,
      lent,
    );
    const leaves = columns.flatMap(leafColumns);
    const chunks = groups.flatMap(({ group, groupRows, rows }) =>
      leaves.map(column => {
        const chunk = chunkOf(group, column, file);
        return { column, chunk, rows, groupRows, range: chunkRange(column, chunk, groupRows, file, size) };
      }),
    );
    for (const codec of new Set(chunks.map(({ chunk }) => chunk.codec))) await loadCodec(codec);
    const bytes = await readRanges(
      handle,
      chunks.map(({ range }) => range),
      lent,
    );
    bytes.forEach((there, i) => {
      requireAll(there, chunks[i]!, file);
    });
    const names = new Set(columns.map(({ name }) => name));
    const all = predicate !== null || groups.length === metadata.row_groups.length;
    const texts = all ? null : await fileTexts(source, file, footer, names, use);
    const chunksOf = (leaf: FileColumn) =>
      groups.map((_, g) => {
        const at = g * leaves.length + leaves.indexOf(leaf);
        const { chunk, rows, groupRows } = chunks[at]!;
        return { chunk, rows, groupRows, bytes: bytes[at]! };
      });
    const decode = (c: number, picked: Int32Array | null) => {
      const column = columns[c]!;
      const codes = picked === null && column.leaf >= 0 && use.aggregated?.has(column.name) === true;
      const looked = codes ? lookUpRows(column, chunksOf(column), use) : null;
      return looked ?? decodeColumn(column, chunksOf, file, use, picked, texts?.get(column));
    };
    const choose = (c: number, most: number, passing: Passing) =>
      columns[c]!.leaf < 0 ? null : chooseRows(columns[c]!, chunksOf(columns[c]!), use, most, passing);
    const rows = groups.reduce((sum, { rows }) => sum + rows, 0);
    const indexed = predicate === null ? [] : indexedChunks(columns, groups, predicate);
    const live = predicate === null ? null : await liveRows(handle, indexed, rows, predicate, lent);
    return decodeLate(schema, rows, predicate, decode, choose, use.lent, live);
  } finally {
    lent.giveBack();
    await handle.close();
  }
}

function requireAll(
  there: Uint8Array,
  { range, column }: { readonly range: ByteRange; readonly column: FileColumn },
  file: string,
): void {
  if (there.length === range.length) return;
  const end = range.start + there.length;
  throw badData({ file, column: column.path.join('.') }, `the file ends at byte ${end}, within its pages`);
}

/** The row groups that were planned, and how many of the first `wanted` rows each of them has. */
function groupsOf(metadata: FileMetaData, splits: readonly Split[], wanted: number) {
  const out: { group: RowGroup; groupRows: number; rows: number }[] = [];
  for (const { path, rowGroup, rows: groupRows } of splits) {
    const group = metadata.row_groups[rowGroup];
    if (group === undefined || group.num_rows !== groupRows) {
      throw badData(
        { file: path },
        `row group ${rowGroup} is not the one that was planned: the file changed`,
      );
    }
    const rows = Math.min(groupRows, wanted);
    wanted -= rows;
    if (rows > 0) out.push({ group, groupRows, rows });
  }
  return out;
}

/** Row groups less those that have, by their Bloom filters, no value that the predicate asks for. */
async function withoutLacking(
  source: OpenSource,
  groups: ReturnType<typeof groupsOf>,
  columns: readonly FileColumn[],
  predicate: ExprNode | null,
  lent: Lent,
): Promise<ReturnType<typeof groupsOf>> {
  if (predicate === null) return groups;
  const schema = columns.map(({ name, type }) => ({ name, type }));
  const chunks = groups.map(group => indexedChunks(columns, [group], predicate));
  const holds = await mayHoldRows(source, chunks, schema, predicate, lent);
  return groups.filter((_, g) => holds[g]);
}

/** The chunks of columns that the predicate looks at; none when only some of the rows are wanted. */
function indexedChunks(
  columns: readonly FileColumn[],
  groups: ReturnType<typeof groupsOf>,
  predicate: ExprNode,
): IndexedChunk[] {
  const names = new Set<string>();
  columnsOf(predicate, names);
  const out: IndexedChunk[] = [];
  let firstRow = 0;
  for (const { group, groupRows, rows } of groups) {
    if (rows < groupRows) return [];
    for (const column of columns) {
      const chunk = names.has(column.name) ? group.columns[column.leaf] : undefined;
      if (chunk?.meta_data !== undefined) out.push({ column, chunk, firstRow, rows });
    }
    firstRow += rows;
  }
  return out;
}

function chunkOf(group: RowGroup, column: FileColumn, file: string): ColumnMetaData {
  const chunk = group.columns[column.leaf]?.meta_data;
  const { path } = column;
  if (chunk === undefined || path.some((name, k) => chunk.path_in_schema?.[k] !== name)) {
    throw badData({ file, column: path.join('.') }, 'its row group holds another column in this place');
  }
  return chunk;
}

/** Uncompressed bytes of the columns that are read. */
function decodedBytes(
  group: RowGroup,
  columns: readonly FileColumn[],
  asked: readonly string[] | null,
): number {
  if (asked === null) {
    return group.total_byte_size;
  }
  let bytes = 0;
  for (const { leaf } of columns.filter(({ name }) => asked.includes(name)).flatMap(leafColumns))
    bytes += Number(group.columns[leaf]?.meta_data?.total_uncompressed_size ?? 0);
  return bytes;
}

async function openFooter(
  file: string,
  env: IoEnv,
): Promise<{ readonly footer: Footer; readonly stamp: string | null }> {
  const source = await openSource(file, env);
  try {
    const footer = await readFooter(source, file);
    const { columns } = footer;
    const seen = new Set<string>();
    for (const { name } of columns) {
      if (seen.has(name)) {
        throw new VolleyError('DUPLICATE_COLUMN', `${file} has two columns named '${name}'`, {
          file,
          column: name,
        });
      }
      seen.add(name);
    }
    return { footer, stamp: source.stamp ?? null };
  } finally {
    await source.handle.close();
  }
}

/** The column of this file for a field of the scan. @throws COLUMN_NOT_FOUND, UNSUPPORTED, BAD_DATA */
function columnNamed(
  columns: readonly FileColumn[],
  name: string,
  field: Schema[number],
  file: string,
): FileColumn {
  const column = columns.find(candidate => candidate.name === name);
  if (column === undefined) {
    throw columnNotFound(name, columns, `scan of ${file}`);
  }
  requireSupported(column, file);
  if (!sameType(column.type, field.type)) {
    throw badData(
      { file, column: name },
      `is ${formatType(column.type)}, planned as ${formatType(field.type)}`,
    );
  }
  return column;
}
