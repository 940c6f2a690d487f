import { assert } from '../../../core/base/assert.js';
import { VolleyError } from '../../../core/base/errors.js';
import type { Batch } from '../../column/column.js';
import { selectedFields } from '../columns.js';
import { markBytes } from '../csv/scanner.js';
import { asBadData } from '../errors.js';
import { openSource, readRange } from '../paths.js';
import { reportSkipped } from '../skipped.js';
import type { IoEnv, ReadUse, ScanSpec, SourceHandle, SourceReader, Split } from '../source.js';
import { Window } from '../window.js';
import { Elements, Lines } from './framing.js';
import { inspectJson } from './inspect.js';
import { lineFeed } from './lexer.js';
import { RecordReader } from './records.js';

/** An object a line: one split per byte range. A record belongs to the range that its line begins in. */
export const ndjsonReader: SourceReader = {
  inspect: (scan, env) =>
    inspectJson(
      scan,
      env,
      () => new Lines(),
      size => startsOf(size, splitBytesOf(scan)),
    ),
  read: (scan, splits, env, use) => readAll(scan, splits, env, use, readLines),
};

/** Documents of one array of objects, or one object: one split a file, read in pieces. */
export const jsonReader: SourceReader = {
  inspect: (scan, env) =>
    inspectJson(
      scan,
      env,
      () => new Elements(),
      size => (size === 0 ? [] : [0]),
    ),
  read: (scan, splits, env, use) => readAll(scan, splits, env, use, readDocument),
};

/** Where ranges begin is known without looking: their readers find the first line that does. */
function startsOf(size: number, splitBytes: number): number[] {
  return Array.from({ length: Math.ceil(size / splitBytes) }, (_, i) => i * splitBytes);
}

function splitBytesOf({ json }: ScanSpec): number {
  const bytes = json!.splitBytes;
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new VolleyError('INVALID_ARGUMENT', `json: splitBytes is ${bytes}, must be a positive integer`);
}

type Open = (scan: ScanSpec, split: Split, window: Window, handle: SourceHandle) => Promise<RecordReader>;

async function* readAll(
  scan: ScanSpec,
  splits: readonly Split[],
  env: IoEnv,
  { lent }: ReadUse,
  open: Open,
): AsyncGenerator<Batch> {
  for (const split of splits) {
    if (split.start >= split.end) continue;
    const source = await openSource(split.path, env);
    try {
      // The byte before a range tells whether a line begins with it.
      const window = new Window(source, split.path, Math.max(0, split.start - 1), split.end, lent);
      const reader = await open(scan, split, window, source.handle);
      yield* reader.batches();
      if (reader.skipped > 0) reportSkipped(split.path, reader.skipped, env);
    } catch (error) {
      throw asBadData({ file: split.path }, error);
    } finally {
      await source.handle.close();
    }
  }
}

function optionsOf(scan: ScanSpec, split: Split) {
  assert(scan.schema !== null && scan.json !== undefined, 'a scan is read after its inspection');
  const { schema: declared, ignoreErrors } = scan.json;
  return {
    file: split.path,
    known: scan.schema,
    schema: selectedFields(scan.schema, scan.columns, `scan of ${split.path}`),
    closed: declared === null && !ignoreErrors,
    ignoreErrors,
  };
}

async function readLines(scan: ScanSpec, split: Split, window: Window, handle: SourceHandle) {
  if (split.start > 0) await window.skipPast(lineFeed);
  else await skipMark(window);
  const rowAt = async (start: number) => 1 + (await countLines(handle, start));
  return new RecordReader(window, new Lines(), { ...optionsOf(scan, split), end: split.end, rowAt });
}

async function readDocument(scan: ScanSpec, split: Split, window: Window) {
  await skipMark(window);
  const rowAt = async (_start: number, ordinal: number) => 1 + ordinal;
  const end = Number.POSITIVE_INFINITY;
  return new RecordReader(window, new Elements(), { ...optionsOf(scan, split), end, rowAt });
}

async function skipMark(window: Window): Promise<void> {
  await window.more();
  window.at = markBytes(window.bytes);
}

/** Line breaks before a byte. Only error messages need it. */
async function countLines(handle: SourceHandle, end: number): Promise<number> {
  let count = 0;
  for (let at = 0; at < end; ) {
    const chunk = await readRange(handle, at, Math.min(4 * 1024 * 1024, end - at));
    if (chunk.length === 0) break;
    for (let p = chunk.indexOf(lineFeed); p >= 0; p = chunk.indexOf(lineFeed, p + 1)) count++;
    at += chunk.length;
  }
  return count;
}
