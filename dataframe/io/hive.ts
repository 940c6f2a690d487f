import { VolleyError } from '../../core/base/errors.js';
import { selectRows } from '../codegen/evaluate.js';
import { parseIso } from '../codegen/time-text.js';
import { createBuilder } from '../column/builder.js';
import type { Batch } from '../column/column.js';
import { DataType, formatType, type Schema } from '../column/datatype.js';
import type { ExprNode, LiteralValue } from '../expr/node.js';
import { columnsOf } from '../expr/traverse.js';
import { condition, scopeOf } from '../expr/typing.js';
import { badData } from './errors.js';

/** The folder name that stands for null, as Hive and all who followed it write it. */
const nullText = '__HIVE_DEFAULT_PARTITION__';

/** Columns that the folders of files tell: `year=2024/month=5/a.parquet`. */
export interface Partitions {
  readonly columns: Schema;
  /** By file, by column. */
  readonly values: readonly (readonly LiteralValue[])[];
}

/**
 * The key=value folders of each file below `root`. Types not declared are Int64, Date or Timestamp(us) where every value
 * reads as one, else Utf8. Null when the files have no such folder, or `strict` is false and not the same ones.
 * @throws BAD_DATA: strict, and the files differ in their keys; or a value that is not of its declared type
 */
export function hivePartitions(
  files: readonly string[],
  rootOf: (file: string) => string,
  declared: Readonly<Record<string, DataType>>,
  strict: boolean,
): Partitions | null {
  const found = files.map(file => keysOf(file.slice(rootOf(file).length)));
  const names = [...(found[0]?.keys() ?? [])];
  const odd = found.findIndex(keys => keys.size !== names.length || !names.every(name => keys.has(name)));
  if (odd > 0 && strict) {
    throw badData(
      { file: files[odd]! },
      `its folders tell ${[...found[odd]!.keys()].join(', ') || 'nothing'}, those of ${files[0]} tell ${names.join(', ') || 'nothing'}`,
      'Scan them apart, or pass { hive: false }',
    );
  }
  if (odd > 0 || names.length === 0) {
    if (strict)
      throw badData(
        { file: files[0] ?? '' },
        'no folder of it has the form key=value',
        'Pass { hive: false }',
      );
    return null;
  }
  for (const name of Object.keys(declared)) {
    if (!names.includes(name)) {
      throw new VolleyError(
        'COLUMN_NOT_FOUND',
        `hive: no folder is named '${name}=…'; there are ${names.join(', ')}`,
        {
          column: name,
          nearest: names,
        },
      );
    }
  }
  const columns = names.map(name => ({
    name,
    type: declared[name] ?? inferred(found.map(keys => keys.get(name)!)),
  }));
  const values = found.map((keys, f) =>
    columns.map(({ name, type }) => {
      const text = keys.get(name)!;
      if (text === nullText) return null;
      const value = literalOf(text, type);
      if (value === null) throw badData({ file: files[f]!, column: name, text }, `no ${formatType(type)}`);
      return value;
    }),
  );
  return { columns, values };
}

/** Keys of folders only: the last segment is the file. */
function keysOf(path: string): Map<string, string> {
  const keys = new Map<string, string>();
  for (const segment of path.split(/[/\\]/).slice(0, -1)) {
    const equals = segment.indexOf('=');
    if (equals > 0) keys.set(decoded(segment.slice(0, equals)), decoded(segment.slice(equals + 1)));
  }
  return keys;
}

/** Writers escape `/`, `=`, `:` and others as in URLs; what is no escape stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function inferred(texts: readonly string[]): DataType {
  const present = texts.filter(text => text !== nullText);
  const fits = (type: DataType) => present.every(text => literalOf(text, type) !== null);
  const candidates = [DataType.Int64, DataType.Date, DataType.Timestamp('us')];
  return (present.length > 0 ? candidates.find(fits) : undefined) ?? DataType.Utf8;
}

const dayText = /^\d{4}-\d\d-\d\d$/;

/** The value as a literal of that type; null when the text is none. */
function literalOf(text: string, type: DataType): LiteralValue {
  switch (type.kind) {
    case 'utf8':
      return text;
    case 'bool':
      return text === 'true' ? true : text === 'false' ? false : null;
    case 'float32':
    case 'float64': {
      const value = Number(text);
      return text.trim() === '' || (Number.isNaN(value) && text !== 'NaN') ? null : value;
    }
    case 'date':
      return dayText.test(text) ? (parseIso(text)?.day ?? null) : null;
    case 'timestamp': {
      const moment = dayText.test(text) ? null : parseIso(text);
      const perSecond = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }[type.unit];
      return moment === null
        ? null
        : moment.day * 86_400 * perSecond + Math.floor((moment.nanos / 1e9) * perSecond);
    }
    default:
      return /^u?int/.test(type.kind) ? integerOf(text, type.kind) : null;
  }
}

function integerOf(text: string, kind: string): number | null {
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  const bits = Math.min(53, Number(kind.replace(/\D/g, '')));
  const unsigned = kind.startsWith('u');
  const high = unsigned || bits === 53 ? 2 ** bits - 1 : 2 ** (bits - 1) - 1;
  const low = unsigned ? 0 : bits === 53 ? -high : -high - 1;
  return value >= low && value <= high ? value + 0 : null;
}

/**
 * The files whose folders leave the predicate a chance: those of its conditions that name partition columns only are
 * computed, one row a file. Conditions that cannot be typed, or fail, are left for the filter itself to complain about.
 */
export function filesThatMatch({ columns, values }: Partitions, predicate: ExprNode | null): number[] {
  const all = values.map((_, file) => file);
  if (predicate === null) return all;
  const chance = chances(predicate, batchOf(columns, values));
  return chance === null ? all : all.filter(file => chance.has(file));
}

/** Rows for which the condition may be true; null: all of them. */
function chances(node: ExprNode, batch: Batch): ReadonlySet<number> | null {
  const parts = node.kind === 'call' ? node.args : [];
  if (node.kind === 'call' && node.fn === 'and') {
    return parts.reduce<ReadonlySet<number> | null>((left, part) => {
      const right = chances(part, batch);
      if (left === null || right === null) return left ?? right;
      return new Set(Array.from(left).filter(row => right.has(row)));
    }, null);
  }
  if (node.kind === 'call' && node.fn === 'or') {
    const sets = parts.map(part => chances(part, batch));
    return sets.includes(null) ? null : new Set(sets.flatMap(set => [...set!]));
  }
  const names = new Set(batch.schema.map(({ name }) => name));
  const read = columnsOf(node);
  if (read.size === 0 || [...read].some(name => !names.has(name))) return null;
  try {
    const { at, rows } = selectRows(condition(node, scopeOf(batch.schema, 'filter'), 'filter'), batch);
    // All rows chosen may come without their positions.
    return rows === batch.rows ? null : new Set(at.subarray(0, rows));
  } catch {
    return null;
  }
}

function batchOf(schema: Schema, rows: Partitions['values']): Batch {
  const columns = schema.map(({ type }, c) => {
    const builder = createBuilder(type, rows.length);
    for (const row of rows) {
      const value = row[c]!;
      if (value === null) builder.appendNull();
      else if (typeof value === 'string') builder.appendString(value);
      else if (typeof value === 'boolean') builder.appendBool(value);
      else builder.appendNumber(Number(value));
    }
    return builder.finish();
  });
  return { schema, rows: rows.length, columns };
}
