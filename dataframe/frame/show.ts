import { type DataType, formatType, type Schema } from '../column/datatype.js';

/** Characters of one cell; longer text is cut. */
const CELL_CHARS = 32;

/** Rows as a table with a frame, the way Polars prints it: shape, names, types, values. */
export function formatTable(schema: Schema, records: readonly object[], more: boolean): string {
  const cells = records.map(record =>
    schema.map(({ name, type }) => formatCell((record as Record<string, unknown>)[name], type)),
  );
  const header = schema.map(f => cut(f.name));
  const types = schema.map(f => formatType(f.type));
  const widths = schema.map((_, i) =>
    Math.max(...[header[i]!, types[i]!, ...cells.map(row => row[i]!)].map(displayWidth)),
  );
  const numeric = schema.map(f => /^u?int|^float|^decimal/.test(f.type.kind));
  const line = (row: readonly string[], alignNumbers: boolean) =>
    `│ ${row.map((cell, i) => pad(cell, widths[i]!, alignNumbers && numeric[i]!)).join(' ┆ ')} │`;
  const rule = (left: string, fill: string, cross: string, right: string) =>
    left + widths.map(w => fill.repeat(w + 2)).join(cross) + right;
  const shape = `shape: (${records.length}${more ? '+' : ''}, ${schema.length})`;
  if (schema.length === 0) return shape;
  return [
    shape,
    rule('┌', '─', '┬', '┐'),
    line(header, true),
    line(types, true),
    rule('╞', '═', '╪', '╡'),
    ...cells.map(row => line(row, true)),
    ...(more
      ? [
          line(
            schema.map(() => '…'),
            true,
          ),
        ]
      : []),
    rule('└', '─', '┴', '┘'),
  ].join('\n');
}

function formatCell(value: unknown, type: DataType): string {
  if (value === null || value === undefined) return 'null';
  if (value instanceof Date) {
    const text = value.toISOString();
    return type.kind === 'date' ? text.slice(0, 10) : text.replace('T', ' ').replace(/(\.000)?Z$/, '');
  }
  if (typeof value === 'number' && !Number.isInteger(value) && type.kind.startsWith('float')) {
    return Number.isFinite(value)
      ? String(Number(value.toPrecision(type.kind === 'float32' ? 7 : 10)))
      : String(value);
  }
  // A number is not cut.
  if (type.kind === 'decimal') return String(value);
  return cut(
    typeof value === 'string'
      ? value
      : typeof value === 'object'
        ? JSON.stringify(value, plainJson)
        : String(value),
  );
}

/** JSON has no bigints. */
function plainJson(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function cut(text: string): string {
  const line = text.replace(/[\n\r\t]/g, ' ');
  const chars = [...line];
  return chars.length <= CELL_CHARS ? line : `${chars.slice(0, CELL_CHARS - 1).join('')}…`;
}

function displayWidth(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - displayWidth(text));
  return right ? space + text : text + space;
}
