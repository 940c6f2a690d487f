import type { Lent } from '../../kernels/lent.js';
import { fewBytes } from '../../kernels/scratch.js';
import type { SourceHandle } from '../source.js';

/** Bytes [start, start + length) of a file. */
export interface ByteRange {
  readonly start: number;
  readonly length: number;
}

/** One read, and which of the wanted ranges lie in it. */
export interface PlannedRead extends ByteRange {
  readonly wanted: readonly number[];
}

/** Bytes between two ranges that are read along, where another read would cost more. */
const readAlong = 64 * 1024;

/** The reads that get all wanted ranges: near ones in one read. */
export function planReads(wanted: readonly ByteRange[]): PlannedRead[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]!.start - wanted[b]!.start);
  const reads: { start: number; length: number; wanted: number[] }[] = [];
  for (const i of order) {
    const { start, length } = wanted[i]!;
    const last = reads.at(-1);
    if (last === undefined || start > last.start + last.length + readAlong) {
      reads.push({ start, length, wanted: [i] });
      continue;
    }
    last.length = Math.max(last.length, start + length - last.start);
    last.wanted.push(i);
  }
  return reads;
}

/** The bytes of each wanted range, shorter where the file ends. Reads run at the same time, into lent memory. */
export async function readRanges(
  handle: SourceHandle,
  wanted: readonly ByteRange[],
  lent: Lent,
): Promise<Uint8Array[]> {
  const out: Uint8Array[] = new Array(wanted.length);
  const reads = await Promise.allSettled(
    planReads(wanted).map(async read => {
      // Of the lane's memory, where kernels find them, however few they are.
      const bytes = lent.bytes(Math.max(fewBytes, read.length));
      let filled = 0;
      while (filled < read.length) {
        const { bytesRead } = await handle.read(bytes, filled, read.length - filled, read.start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      const there = bytes.subarray(0, filled);
      for (const i of read.wanted) {
        const { start, length } = wanted[i]!;
        out[i] = there.subarray(start - read.start, start - read.start + length);
      }
    }),
  );
  // Only now: a read that still ran would write into memory that was given back.
  for (const read of reads) if (read.status === 'rejected') throw read.reason;
  return out;
}
