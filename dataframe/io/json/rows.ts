import { VolleyError } from '../../../core/base/errors.js';
import { isValid } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { type DataType, formatType, type Schema } from '../../column/datatype.js';
import { cellTexts, plainLines, type RowWriter } from '../text/writer.js';

/**
 * A JSON object per row, with every column of the schema in order: one a line (NDJSON), or the elements of one array, a
 * line each too. 64-bit integers and decimals are written in full;
 * dates and timestamps as ISO text; NaN and infinities, for which JSON has no number, as null; structs as objects.
 * @throws UNSUPPORTED for types that are not written
 */
export function jsonRows(schema: Schema, form: 'lines' | 'array'): RowWriter {
  for (const { name, type } of schema) requireJson(name, type, type);
  const end = form === 'lines' ? '}\n' : '}';
  const keys = schema.map(({ name }, c) => `${c === 0 ? '{' : ','}${JSON.stringify(name)}:`);
  return {
    ...(form === 'lines' ? plainLines : { head: '[\n', between: ',\n', tail: '\n]\n' }),
    rows: batch => {
      const cells = batch.columns.map(jsonTexts);
      if (cells.length === 0) return () => `{${end}`;
      return row => {
        let line = '';
        for (let c = 0; c < cells.length; c++) line += keys[c]! + cells[c]!(row);
        return line + end;
      };
    },
  };
}

function jsonTexts(column: Column): (row: number) => string {
  const { type, items, fields, values, validity } = column;
  if (type.kind === 'struct' && fields !== undefined) {
    const keys = type.fields.map(({ name }, f) => `${f === 0 ? '{' : ','}${JSON.stringify(name)}:`);
    const texts = fields.map(jsonTexts);
    return row => {
      if (!isValid(validity, row)) return 'null';
      let text = texts.length === 0 ? '{' : '';
      for (let f = 0; f < texts.length; f++) text += keys[f]! + texts[f]!(row);
      return `${text}}`;
    };
  }
  if (type.kind === 'list' && items !== undefined) {
    const item = jsonTexts(items);
    return row => {
      if (!isValid(validity, row)) return 'null';
      let text = '[';
      for (let i = values[row]!; i < values[row + 1]!; i++) text += (i === values[row] ? '' : ',') + item(i);
      return `${text}]`;
    };
  }
  return cellTexts(column, 'null', text => JSON.stringify(text), plainForm(type));
}

function plainForm(type: DataType): (text: string) => string {
  switch (type.kind) {
    case 'date':
    case 'timestamp':
      return text => `"${text}"`;
    case 'float32':
    case 'float64':
      return text => (text === 'NaN' || text.endsWith('Infinity') ? 'null' : text);
    default:
      return text => text;
  }
}

function requireJson(name: string, type: DataType, whole: DataType): void {
  if (type.kind === 'list') {
    requireJson(name, type.item, whole);
  } else if (type.kind === 'struct') {
    for (const field of type.fields) requireJson(name, field.type, whole);
  } else if (type.kind === 'binary') {
    throw new VolleyError(
      'UNSUPPORTED',
      `column '${name}' of type ${formatType(whole)} is not written to JSON, which has no form for bytes: drop it first`,
      { column: name, type: formatType(whole) },
    );
  }
}
