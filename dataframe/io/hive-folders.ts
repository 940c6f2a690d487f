import { VolleyError } from '../../core/base/errors.js';
import { isValid } from '../column/bitmap.js';
import type { Batch, Column } from '../column/column.js';
import { formatType, type Schema } from '../column/datatype.js';
import { entryText } from '../column/dictionary.js';
import { columnIndex, columnOf } from '../column/layout.js';
import { distinctText } from '../kernels/distinct-text.js';
import { takeBatch } from '../kernels/take.js';

/** What Hive and its readers call the folder of null keys, and of the empty text, which no folder can be named by. */
const nullFolder = '__HIVE_DEFAULT_PARTITION__';
const msPerDay = 86_400_000;

/** Rows with equal keys, without the keys: they are in the name of the folder. */
export interface HivePartition {
  /** `year=2024/month=1`. */
  readonly folder: string;
  readonly rows: Batch;
}

/** The schema of the files below the folders. @throws COLUMN_NOT_FOUND, UNSUPPORTED, INVALID_ARGUMENT */
export function withoutKeys(schema: Schema, keys: readonly string[]): Schema {
  for (const key of keys) {
    const { type } = schema[columnIndex(schema, key)]!;
    if (!/^(u?int\d+|utf8|bool|date)$/.test(type.kind)) {
      throw new VolleyError(
        'UNSUPPORTED',
        `column '${key}' of type ${formatType(type)} cannot name folders: partition by text, whole numbers, booleans or dates`,
        { column: key, type: formatType(type) },
      );
    }
  }
  const rest = schema.filter(({ name }) => !keys.includes(name));
  if (rest.length > 0 || keys.length === 0) return rest;
  throw new VolleyError('INVALID_ARGUMENT', 'partitionBy leaves no column to write: name fewer of them');
}

/** The rows by key, folders in order of first appearance, rows in their order. */
export function hivePartitions(batch: Batch, keys: readonly string[]): HivePartition[] {
  const rows = distinctText(batch);
  const known = new Map<number, number>();
  let ids = new Int32Array(rows.rows);
  let folders = [''];
  for (const key of keys) {
    const { names, codes } = named(key, columnOf(rows, key));
    const next: string[] = [];
    const out = new Int32Array(rows.rows);
    known.clear();
    for (let i = 0; i < out.length; i++) {
      const pair = ids[i]! * names.length + codes[i]!;
      let id = known.get(pair);
      if (id === undefined) {
        known.set(pair, (id = next.length));
        const above = folders[ids[i]!]!;
        next.push(above === '' ? names[codes[i]!]! : `${above}/${names[codes[i]!]}`);
      }
      out[i] = id;
    }
    ids = out;
    folders = next;
  }
  const at = folders.map(() => [] as number[]);
  for (let i = 0; i < ids.length; i++) at[ids[i]!]!.push(i);
  const kept = rows.schema.flatMap(({ name }, c) => (keys.includes(name) ? [] : [c]));
  const rest: Batch = {
    schema: kept.map(c => rows.schema[c]!),
    rows: rows.rows,
    columns: kept.map(c => rows.columns[c]!),
  };
  return folders.map((folder, f) => ({
    folder,
    rows: takeBatch(rest, Int32Array.from(at[f]!), at[f]!.length),
  }));
}

/** `key=value` of every value that occurs, and by row which of them it is. */
function named(key: string, column: Column): { names: string[]; codes: Int32Array } {
  const names: string[] = [];
  const known = new Map<number | bigint | null, number>();
  const codes = new Int32Array(column.length);
  for (let i = 0; i < codes.length; i++) {
    const value = isValid(column.validity, i) ? storedValue(column, i) : null;
    let code = known.get(value);
    if (code === undefined) {
      known.set(value, (code = names.length));
      const text = value === null ? '' : valueText(column, value);
      names.push(`${encode(key)}=${text === '' ? nullFolder : encode(text)}`);
    }
    codes[i] = code;
  }
  return { names, codes };
}

function storedValue({ physical, type, values }: Column, row: number): number | bigint {
  if (physical !== 'i64') return values[row]!;
  const bits = (BigInt(values[2 * row + 1]!) << 32n) | BigInt(values[2 * row]! >>> 0);
  return type.kind === 'uint64' ? BigInt.asUintN(64, bits) : bits;
}

function valueText({ type, dictionary }: Column, value: number | bigint): string {
  if (dictionary !== null) return entryText(dictionary, Number(value));
  if (type.kind === 'bool') return value === 0 ? 'false' : 'true';
  return type.kind === 'date' ? new Date(Number(value) * msPerDay).toISOString().slice(0, 10) : String(value);
}

/** No character that a path or a reader of such names takes for something else. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('.', '%2E').replaceAll('*', '%2A');
}
