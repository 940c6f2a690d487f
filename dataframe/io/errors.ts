import { VolleyError } from '../../core/base/errors.js';

/** Where in a file something is wrong. `row` is 1-based and counts a header as row 1. */
export interface BadPlace {
  readonly file: string;
  readonly row?: number;
  readonly column?: string;
  readonly text?: string;
}

/** Characters of offending text shown in a message. */
const shownText = 80;

/** BAD_DATA: `what` says what is wrong, `wayOut` what to do about it. */
export function badData(place: BadPlace, what: string, wayOut = '', cause?: unknown): VolleyError {
  const text = place.text === undefined ? undefined : truncate(place.text);
  const where = [
    place.file,
    place.row === undefined ? '' : `row ${place.row}`,
    place.column === undefined ? '' : `column '${place.column}'`,
  ].filter(part => part !== '');
  const message = `${where.join(', ')}: ${what}${text === undefined ? '' : `: ${JSON.stringify(text)}`}`;
  const data = { ...place, ...(text === undefined ? {} : { text }) };
  return new VolleyError('BAD_DATA', wayOut === '' ? message : `${message}. ${wayOut}`, data, { cause });
}

/**
 * Runs a decoder over untrusted bytes. Whatever it throws that is not already for users (RangeError of a DataView,
 * a codec's own error) becomes BAD_DATA with the place.
 */
export function decoding<T>(place: BadPlace, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw asBadData(place, error);
  }
}

export function asBadData(place: BadPlace, error: unknown): Error {
  if (error instanceof VolleyError) {
    return error;
  }
  return badData(place, error instanceof Error ? error.message : String(error), '', error);
}

function truncate(text: string): string {
  return text.length <= shownText ? text : `${text.slice(0, shownText)}…`;
}
