import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import type { PartitionHeader } from '../graph/partition.js';

/** What all implementations of the data plane check alike. */

export function corrupt(what: string, detail: string): VolleyError {
  return new VolleyError('CORRUPT_PARTITION', `partition ${what} is corrupt: ${detail}`, { what, detail });
}

/** A header may come from a crashed or buggy node: nothing is reserved before it makes sense. */
export function checkHeader(header: PartitionHeader, what: string): void {
  const { rows, byteLength, checksum, meta } = header;
  if (!Number.isSafeInteger(rows) || rows < 0) throw corrupt(what, `${rows} rows`);
  if (!Number.isSafeInteger(byteLength) || byteLength < 0 || byteLength > limits.slabBytes) {
    throw corrupt(what, `${byteLength} bytes, where at most ${limits.slabBytes} can be`);
  }
  if (checksum >>> 0 !== checksum) throw corrupt(what, `checksum ${checksum}`);
  if (meta.byteLength > limits.partitionMetaBytes) {
    throw corrupt(
      what,
      `${meta.byteLength} bytes of layout, where at most ${limits.partitionMetaBytes} can be`,
    );
  }
}

/** What an aborted transfer rejects with. */
export function abortError(signal: AbortSignal): VolleyError {
  return new VolleyError('CANCELLED', 'the transfer was aborted', {}, { cause: signal.reason });
}
