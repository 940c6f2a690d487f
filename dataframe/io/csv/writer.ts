import { VolleyError } from '../../../core/base/errors.js';
import { formatType, type Schema } from '../../column/datatype.js';
import type { CsvSinkOptions } from '../source.js';
import { cellTexts, plainLines, type RowWriter } from '../text/writer.js';
import { asciiByte } from './dialect.js';

/**
 * Lines of comma-separated values. A field is quoted when it holds the delimiter, a quote or a line break, and when it
 * would read as null: the empty text, and the text that stands for null. Durations are numbers of their unit.
 * @throws UNSUPPORTED for lists and other types without a text, INVALID_ARGUMENT
 */
export function csvRows(schema: Schema, options: CsvSinkOptions): RowWriter {
  checkOptions(options);
  for (const { name, type } of schema) {
    if (['list', 'struct', 'binary'].includes(type.kind)) {
      throw new VolleyError(
        'UNSUPPORTED',
        `column '${name}' of type ${formatType(type)} is not written to CSV: cast or drop it first, or use sinkParquet`,
        { column: name, type: formatType(type) },
      );
    }
  }
  const { delimiter, quote, nullValue } = options;
  const special = new RegExp(`[${inClass(delimiter)}${inClass(quote)}\\r\\n]`);
  const enclose = (text: string) => quote + text.replaceAll(quote, quote + quote) + quote;
  // A byte order mark at the start of the file would be taken for one.
  const field = (text: string) =>
    text === '' || text === nullValue || text.startsWith('\ufeff') || special.test(text)
      ? enclose(text)
      : text;
  // Numbers and times hold no quote, but may hold the delimiter: '-', ':' or '.'.
  return {
    ...plainLines,
    head: options.header ? `${schema.map(({ name }) => field(name)).join(delimiter)}\n` : '',
    rows: batch => {
      const cells = batch.columns.map(column => cellTexts(column, nullValue, field, field));
      const [first, ...rest] = cells;
      if (first === undefined) return () => '\n';
      return row => {
        let line = first(row);
        for (const cell of rest) line += delimiter + cell(row);
        return `${line}\n`;
      };
    },
  };
}

function checkOptions({ delimiter, quote, nullValue }: CsvSinkOptions): void {
  asciiByte(delimiter, 'delimiter');
  asciiByte(quote, 'quote');
  if (delimiter === quote) {
    throw new VolleyError('INVALID_ARGUMENT', 'csv: delimiter and quote are the same character');
  }
  if ([delimiter, quote, '\n', '\r'].some(text => nullValue.includes(text))) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `csv: nullValue ${JSON.stringify(nullValue)} must not hold the delimiter, the quote or a line break`,
    );
  }
}

function inClass(character: string): string {
  return /[a-z0-9]/i.test(character) ? character : `\\${character}`;
}
