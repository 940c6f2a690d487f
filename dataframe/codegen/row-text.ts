import { isValid } from '../column/bitmap.js';
import { createBuilder } from '../column/builder.js';
import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { formatDecimal } from '../column/decimal.js';
import { unscaledReader } from '../column/decimal-entries.js';
import { entryTexts } from '../column/dictionary.js';
import { dayOf, timeOf } from '../column/int64.js';
import { unitsPerSecond } from './emit-date.js';
import { unknownDirective } from './parse.js';
import { dateText, timeFormatter, timestampText } from './time-text.js';

/** Texts of several columns joined row by row; null where one of them is null. */
export function concatTexts(columns: readonly Column[], separator: string, rows: number): Column {
  const builder = createBuilder(DataType.Utf8, rows);
  const texts = columns.map(column => (column.dictionary === null ? [] : entryTexts(column.dictionary)));
  const codes = columns.map(column => column.values);
  for (let row = 0; row < rows; row++) {
    let out = '';
    let isNull = false;
    for (let c = 0; c < columns.length; c++) {
      const { validity, type } = columns[c]!;
      if (type.kind === 'null' || !isValid(validity, row)) {
        isNull = true;
        break;
      }
      const text = texts[c]![codes[c]![row]!]!;
      out = c === 0 ? text : out + separator + text;
    }
    if (isNull) builder.appendNull();
    else builder.appendString(out);
  }
  return builder.finish();
}

/** Values as text: of numbers as JavaScript writes them, of times in ISO form or in a strftime `format`. */
export function formatColumn(column: Column, format: string | null = null): Column {
  const builder = createBuilder(DataType.Utf8, column.length);
  const text = textOf(column, format);
  for (let row = 0; row < column.length; row++) {
    if (column.type.kind !== 'null' && isValid(column.validity, row)) builder.appendString(text(row));
    else builder.appendNull();
  }
  return builder.finish();
}

/** Writes the value of one row, which must not be null; not for booleans, text and lists. */
export function textOf(column: Column, format: string | null): (row: number) => string {
  const { type, values, physical } = column;
  const words = values as Int32Array;
  if (type.kind === 'timestamp' || type.kind === 'date') {
    const write = writerOf(type.kind === 'date', format);
    if (type.kind === 'date') return row => write(values[row]!, 0);
    const perSecond = unitsPerSecond[type.unit];
    const perDay = perSecond * 86400;
    const nanos = 1e9 / perSecond;
    if (physical === 'i64') {
      return row => {
        const high = words[2 * row + 1]!;
        const low = words[2 * row]! >>> 0;
        return write(dayOf(high, low, perDay), timeOf(high, low, perDay) * nanos);
      };
    }
    return row => {
      const day = Math.floor(values[row]! / perDay);
      return write(day, (values[row]! - day * perDay) * nanos);
    };
  }
  if (type.kind === 'decimal') {
    const read = unscaledReader(column);
    return row => formatDecimal(read(row), type.scale);
  }
  if (physical === 'i64') {
    const unsigned = type.kind === 'uint64';
    return row => {
      const signed = (BigInt(words[2 * row + 1]!) << 32n) | BigInt(words[2 * row]! >>> 0);
      return String(unsigned ? BigInt.asUintN(64, signed) : signed);
    };
  }
  return row => String(values[row]!);
}

function writerOf(isDate: boolean, format: string | null): (day: number, nanos: number) => string {
  if (format === null) return isDate ? day => dateText(day) : timestampText;
  try {
    return timeFormatter(format);
  } catch (error) {
    throw unknownDirective(format, error);
  }
}
