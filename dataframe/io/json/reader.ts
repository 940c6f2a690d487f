import { assert } from '../../../core/base/assert.js';
import { VolleyError } from '../../../core/base/errors.js';
import type { Batch } from '../../column/column.js';
import { selectedFields } from '../columns.js';
import { markBytes } from '../csv/scanner.js';
import { asBadData } from '../errors.js';
import { openSource } from '../paths.js';
import { reportSkipped } from '../skipped.js';
import type { IoEnv, ReadUse, ScanSpec, SourceHandle, SourceReader, Split } from '../source.js';
import { splitSource } from '../text/split-source.js';
import { Window } from '../window.js';
import { Elements, Lines } from './framing.js';
import { inspectJson } from './inspect.js';
import { lineFeed } from './lexer.js';
import { RecordReader } from './records.js';

/** An object a line: one split per byte range, one of a compressed file. A record belongs to the range its line begins in. */
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

/** Read at a time where lines are counted. */
const countedBytes = 4 * 1024 * 1024;

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
    const { handle, size } = await openSource(split.path, env);
    try {
      // The byte before a range tells whether a line begins with it; its last record may end behind it.
      const start = Math.max(0, split.start - 1);
      const source = await splitSource(handle, { ...split, start, end: size });
      try {
        const window = new Window(source, start, endOf(split), lent);
        const reader = await open(scan, split, window, handle);
        yield* reader.batches();
        if (reader.skipped > 0) reportSkipped(split.path, reader.skipped, env);
      } finally {
        await source.close();
      }
    } catch (error) {
      throw asBadData({ file: split.path }, error);
    } finally {
      await handle.close();
    }
  }
}

/** Of a compressed file all is read. */
function endOf({ end, packing }: Split): number {
  return packing === undefined ? end : Number.POSITIVE_INFINITY;
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
  const rowAt = async (start: number) => 1 + (await countLines(handle, split, start));
  return new RecordReader(window, new Lines(), { ...optionsOf(scan, split), end: endOf(split), rowAt });
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

/** Line breaks before a byte, as `start` counts. Only error messages need it. */
async function countLines(handle: SourceHandle, { path, packing }: Split, end: number): Promise<number> {
  const source = await splitSource(handle, { path, start: 0, end, ...(packing && { packing }) });
  try {
    const bytes = Buffer.allocUnsafe(Math.min(countedBytes, end));
    let count = 0;
    for (let left = end; left > 0; ) {
      const read = await source.read(bytes, 0, Math.min(bytes.length, left));
      if (read === 0) break;
      const chunk = bytes.subarray(0, read);
      for (let p = chunk.indexOf(lineFeed); p >= 0; p = chunk.indexOf(lineFeed, p + 1)) count++;
      left -= read;
    }
    return count;
  } finally {
    await source.close();
  }
}
