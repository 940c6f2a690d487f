import type { FileMetaData, RowGroup } from 'hyparquet';
import { assert } from '../../../core/base/assert.js';
import { VolleyError } from '../../../core/base/errors.js';
import { selectRows } from '../../codegen/evaluate.js';
import type { Batch, Column } from '../../column/column.js';
import { type Field, formatType, type Schema, sameType } from '../../column/datatype.js';
import { columnNotFound } from '../../expr/nearest.js';
import type { ExprNode } from '../../expr/node.js';
import { columnsOf, conjunction, conjuncts } from '../../expr/traverse.js';
import { condition, scopeOf } from '../../expr/typing.js';
import { selectedFields } from '../columns.js';
import { badData, decoding } from '../errors.js';
import { openSource, resolveSources } from '../paths.js';
import { mayMatch } from '../prune.js';
import type { IoEnv, ScanInspection, ScanSpec, SourceReader, Split } from '../source.js';
import { readChunk } from './chunk.js';
import { readFooter } from './footer.js';
import { rowGroupStatistics } from './statistics.js';
import { type FileColumn, fileColumns, requireSupported } from './types.js';

/** Parquet: one split per row group. Inspection reads footers only; columns that nobody asks for are never touched. */
export const parquetReader: SourceReader = { inspect, read };

async function inspect(scan: ScanSpec, env: IoEnv): Promise<ScanInspection> {
  const files = await resolveSources(scan.paths, 'parquet', env);
  const splits: Split[] = [];
  let schema: Schema | null = null;
  for (const file of files) {
    const { metadata, columns } = await openFooter(file, env);
    const own = columns.map(({ name, type }) => ({ name, type }));
    if (schema === null) {
      schema = own;
      selectedFields(schema, scan.columns, `scan of ${file}`);
    } else {
      requireSameSchema(schema, own, files[0] as string, file);
    }
    metadata.row_groups.forEach((group, rowGroup) => {
      const rows = Number(group.num_rows);
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
  return { schema: schema ?? [], splits };
}

async function* read(scan: ScanSpec, split: Split, env: IoEnv): AsyncGenerator<Batch> {
  assert(scan.schema !== null, 'a scan is read after its inspection');
  const schema = selectedFields(scan.schema, scan.columns, `scan of ${split.path}`);
  if (split.rows === 0) {
    return;
  }
  if (split.statistics !== null && !mayMatch(scan.predicate, scan.schema, split.statistics, split.rows)) {
    return;
  }
  const { handle, size } = await openSource(split.path, env);
  try {
    const metadata = await readFooter(handle, size, split.path);
    const columns = decoding({ file: split.path }, () => fileColumns(metadata));
    const group = metadata.row_groups[split.rowGroup];
    if (group === undefined || Number(group.num_rows) !== split.rows) {
      throw badData(
        { file: split.path },
        `row group ${split.rowGroup} is not the one that was planned: the file changed`,
      );
    }
    const place = { handle, size, file: split.path };
    const decode = async (field: Field): Promise<Column> => {
      const column = columnNamed(columns, field.name, field, split.path);
      const chunk = group.columns[column.leaf]?.meta_data;
      if (chunk === undefined || chunk.path_in_schema[0] !== column.name) {
        throw badData(
          { file: split.path, column: column.name },
          'its row group holds another column in this place',
        );
      }
      return readChunk(place, column, chunk, split.rows);
    };
    const rare = rareConditions(scan.predicate, schema);
    const known = new Map<string, Column>();
    for (const field of rare?.fields ?? []) known.set(field.name, await decode(field));
    if (rare !== null && !anyRow(rare, [...known.values()], split.rows)) return;
    const out: Column[] = [];
    for (const field of schema) out.push(known.get(field.name) ?? (await decode(field)));
    yield { schema, rows: split.rows, columns: out };
  } finally {
    await handle.close();
  }
}

interface RareConditions {
  readonly test: ExprNode;
  /** The columns it reads: some of those that are asked for, not all. */
  readonly fields: Schema;
}

/**
 * Conditions that single values must meet: a row group may have no such row although its bounds do not say so. Their
 * columns are decoded first, and the others only if there is one. Other conditions are too seldom false everywhere.
 */
function rareConditions(predicate: ExprNode | null, schema: Schema): RareConditions | null {
  if (predicate === null) return null;
  const single = conjuncts(predicate).filter(c => c.kind === 'call' && (c.fn === 'isIn' || c.fn === 'eq'));
  const test = conjunction(single);
  if (test === null) return null;
  const names = columnsOf(test);
  const fields = schema.filter(({ name }) => names.has(name));
  return fields.length === names.size && fields.length < schema.length ? { test, fields } : null;
}

function anyRow({ test, fields }: RareConditions, columns: readonly Column[], rows: number): boolean {
  const typed = condition(test, scopeOf(fields, 'filter'), 'filter');
  return selectRows(typed, { schema: fields, rows, columns }).rows > 0;
}

/** Uncompressed bytes of the columns that are read. */
function decodedBytes(
  group: RowGroup,
  columns: readonly FileColumn[],
  asked: readonly string[] | null,
): number {
  if (asked === null) {
    return Number(group.total_byte_size);
  }
  let bytes = 0;
  for (const { name, leaf } of columns) {
    bytes += asked.includes(name) ? Number(group.columns[leaf]?.meta_data?.total_uncompressed_size ?? 0) : 0;
  }
  return bytes;
}

async function openFooter(
  file: string,
  env: IoEnv,
): Promise<{ metadata: FileMetaData; columns: FileColumn[] }> {
  const { handle, size } = await openSource(file, env);
  try {
    const metadata = await readFooter(handle, size, file);
    const columns = decoding({ file }, () => fileColumns(metadata));
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
    return { metadata, columns };
  } finally {
    await handle.close();
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

/** All files of a scan have the same columns, in any order. */
function requireSameSchema(schema: Schema, own: Schema, first: string, file: string): void {
  const types = new Map(own.map(field => [field.name, field.type]));
  const wayOut = 'Scan them apart, or write them with the same columns';
  for (const field of schema) {
    const type = types.get(field.name);
    if (type === undefined) {
      throw new VolleyError(
        'COLUMN_NOT_FOUND',
        `${file} lacks column '${field.name}', which ${first} has. ${wayOut}`,
        {
          file,
          column: field.name,
          nearest: [],
        },
      );
    }
    if (!sameType(type, field.type)) {
      throw new VolleyError(
        'TYPE_MISMATCH',
        `${file}, column '${field.name}': ${formatType(type)}, but ${formatType(field.type)} in ${first}. ${wayOut}`,
        { file, column: field.name },
      );
    }
    types.delete(field.name);
  }
  for (const name of types.keys()) {
    throw new VolleyError('TYPE_MISMATCH', `${file} has a column '${name}' that ${first} lacks. ${wayOut}`, {
      file,
      column: name,
    });
  }
}
