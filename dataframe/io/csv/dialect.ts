import { VolleyError } from '../../../core/base/errors.js';
import type { CsvOptions } from '../source.js';

export const lineFeed = 10;
export const carriageReturn = 13;

/** CsvOptions as bytes. */
export interface Dialect {
  readonly delimiter: number;
  /** -1: no quoting. */
  readonly quote: number;
  /** Within quotes, what makes the next byte text. The quote itself where quotes are doubled; -1: no quoting. */
  readonly escape: number;
  /** -1: no comments. */
  readonly comment: number;
  /** UTF-8 of the texts that mean null, beside the empty field. */
  readonly nullValues: readonly Uint8Array[];
  readonly ignoreErrors: boolean;
}

/** @throws INVALID_ARGUMENT */
export function dialectOf(options: CsvOptions): Dialect {
  const delimiter = asciiByte(options.delimiter, 'delimiter');
  const quote = options.quote === '' ? -1 : asciiByte(options.quote, 'quote');
  const { escape: before = '', comment = '' } = options;
  if (before !== '' && quote < 0) {
    throw new VolleyError('INVALID_ARGUMENT', "csv: escape has no meaning where quote is ''");
  }
  const dialect = {
    delimiter,
    quote,
    escape: before === '' ? quote : asciiByte(before, 'escape'),
    comment: comment === '' ? -1 : asciiByte(comment, 'comment'),
    nullValues: options.nullValues.filter(text => text !== '').map(text => Buffer.from(text)),
    ignoreErrors: options.ignoreErrors,
  };
  requireDifferent(dialect, ['delimiter', 'quote']);
  requireDifferent(dialect, ['delimiter', 'escape']);
  requireDifferent(dialect, ['delimiter', 'comment']);
  requireDifferent(dialect, ['quote', 'comment']);
  if (!Number.isSafeInteger(options.splitBytes) || options.splitBytes < 1) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `csv: splitBytes is ${options.splitBytes}, must be a positive integer`,
    );
  }
  return dialect;
}

function requireDifferent(
  dialect: Dialect,
  [a, b]: ['delimiter' | 'quote', 'quote' | 'escape' | 'comment'],
): void {
  if (dialect[a] >= 0 && dialect[a] === dialect[b]) {
    throw new VolleyError('INVALID_ARGUMENT', `csv: ${a} and ${b} are the same character`);
  }
}

/** @throws INVALID_ARGUMENT */
export function asciiByte(text: string, name: string): number {
  const code = text.charCodeAt(0);
  if (text.length !== 1 || code > 127 || code === lineFeed || code === carriageReturn || code === 0) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `csv: ${name} ${JSON.stringify(text)} must be one ASCII character other than a line break` +
        (name === 'quote' ? " ('' turns quoting off)" : ''),
    );
  }
  return code;
}
