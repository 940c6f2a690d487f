import type { VolleyError } from '../../../core/base/errors.js';
import { limits } from '../../../core/base/limits.js';
import { type Field, formatType, type Schema } from '../../column/datatype.js';
import { type BadPlace, badData } from '../errors.js';
import type { SourceHandle, Split } from '../source.js';
import { readUnpacked } from '../text/unpack.js';
import type { Dialect } from './dialect.js';
import { Problem } from './fields.js';
import { countRecords, recordsIn } from './splits.js';

/** What is wrong with a record. */
export interface BadRecord {
  readonly problem: number;
  /** Its number in the split, from 0. */
  readonly ordinal: number;
  readonly text: string;
  /** Fields it has. */
  readonly found: number;
  /** Of Problem.Value. */
  readonly field: Field | null;
  readonly value: string;
}

/** The error a record is. Only errors pay for counting the rows before them. */
export async function rowFailure(
  bad: BadRecord,
  handle: SourceHandle,
  split: Split,
  file: Schema,
  dialect: Dialect,
): Promise<VolleyError> {
  const row = 1 + bad.ordinal + (await recordsBefore(handle, split, dialect));
  const place: BadPlace = { file: split.path, row, text: bad.text };
  const skip = 'ignoreErrors: true skips such rows';
  switch (bad.problem) {
    case Problem.Ragged:
      return badData(place, `${bad.found} fields where ${file.length} belong`, skip);
    case Problem.TextAfterQuote:
      return badData(
        place,
        'text follows a closing quote',
        `Quotes within quoted fields are doubled, or follow the character that is declared as escape. ${skip}`,
      );
    case Problem.OpenQuote:
      return badData(place, 'a quoted field never ends', `quote: '' turns quoting off. ${skip}`);
    case Problem.Nul:
      return badData(place, 'a NUL byte', skip);
    case Problem.NotUtf8:
      return badData(place, 'not UTF-8', `Convert the file to UTF-8 first. ${skip}`);
    case Problem.Overlong:
      return badData(place, `a line exceeds ${limits.lineBytes} bytes`);
    default: {
      const { name, type } = bad.field!;
      const wayOut = `Declare another type (schema: { ${JSON.stringify(name)}: DataType.Utf8 }), add the text to nullValues, or ${skip}`;
      return badData({ ...place, column: name, text: bad.value }, `no ${formatType(type)}`, wayOut);
    }
  }
}

async function recordsBefore(handle: SourceHandle, split: Split, dialect: Dialect): Promise<number> {
  const { path, start, packing } = split;
  if (packing === undefined) return countRecords(handle, start, dialect);
  return recordsIn(await readUnpacked(handle, packing, path, start), dialect);
}
