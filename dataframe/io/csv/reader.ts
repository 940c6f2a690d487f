import { assert } from '../../../core/base/assert.js';
import type { Batch } from '../../column/column.js';
import { selectedFields } from '../columns.js';
import { openSource } from '../paths.js';
import { reportSkipped } from '../skipped.js';
import type { IoEnv, ReadUse, ScanSpec, SourceReader, Split } from '../source.js';
import { splitSource } from '../text/split-source.js';
import { BatchReader } from './batches.js';
import { windowBytes } from './constants.js';
import { dialectOf } from './dialect.js';
import { rowFailure } from './failure.js';
import { inspectCsv } from './inspect.js';
import { Window } from './window.js';

/**
 * CSV: one split per byte range, cut at record starts; one of a compressed file. Rows in errors count records of the file from 1, header and
 * blank lines included, so that they are line numbers where no field holds a line break.
 */
export const csvReader: SourceReader = {
  inspect: inspectCsv,
  async *read(scan, splits, env, use) {
    for (const split of splits) yield* read(scan, split, env, use);
  },
};

async function* read(scan: ScanSpec, split: Split, env: IoEnv, use: ReadUse): AsyncGenerator<Batch> {
  assert(scan.schema !== null && scan.csv !== null, 'a scan is read after its inspection');
  const schema = selectedFields(scan.schema, scan.columns, `scan of ${split.path}`);
  if (split.start >= split.end) {
    return;
  }
  const { handle } = await openSource(split.path, env);
  try {
    const dialect = dialectOf(scan.csv);
    const source = await splitSource(handle, split);
    try {
      const window = new Window(source, expectedBytes(split), use.lent);
      const reader = new BatchReader(window, scan.schema, schema, scan.predicate, dialect, use);
      for (;;) {
        const batch = await reader.next();
        if (reader.bad !== null) throw await rowFailure(reader.bad, handle, split, scan.schema, dialect);
        if (batch === null) break;
        yield batch;
      }
      if (reader.skipped > 0) {
        reportSkipped(split.path, reader.skipped, env);
      }
    } finally {
      await source.close();
    }
  } finally {
    await handle.close();
  }
}

/** Text is packed to a quarter, more or less. */
function expectedBytes({ bytes, packing }: Split): number {
  return packing === undefined ? bytes : Math.max(windowBytes, bytes * 4);
}
