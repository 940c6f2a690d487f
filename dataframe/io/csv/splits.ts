import { readRange } from '../paths.js';
import type { SourceHandle } from '../source.js';
import { windowBytes } from './constants.js';
import type { Dialect } from './dialect.js';
import { markBytes, RecordScanner, scannerStates } from './scanner.js';

/** Bytes before a cut that may tell by themselves whether it lies within quotes. */
const contextBytes = 64 * 1024;

/**
 * Starts of records at which a file is cut: the first record that begins at or after every multiple of `splitBytes`
 * past `start`. Exact for any bytes. Where there are quotes, those before a cut mostly tell what state the scanner is in
 * at it, whatever it was before them; else everything from the last known state on is scanned, which costs no more than
 * reading where there are no quotes.
 */
export async function findSplits(
  handle: SourceHandle,
  start: number,
  size: number,
  splitBytes: number,
  dialect: Dialect,
): Promise<number[]> {
  const starts = [start];
  const multipleAfter = (position: number) =>
    start + (Math.floor((position - start) / splitBytes) + 1) * splitBytes;
  let scanner = new RecordScanner(dialect);
  let at = start;
  let wanted = start + splitBytes;
  while (at < size && wanted < size) {
    const state = wanted - at > contextBytes ? await stateAt(handle, wanted, dialect) : -1;
    if (state >= 0) {
      scanner = new RecordScanner(dialect, state);
      at = wanted;
      if (scanner.betweenRecords) {
        starts.push(at);
        wanted = multipleAfter(at);
        continue;
      }
    }
    for await (const { base, chunk } of chunksOf(handle, at, size)) {
      at = base + chunk.length;
      for (let p = 0; (p = scanner.find(chunk, p, wanted - base)) >= 0 && base + p < size; ) {
        starts.push(base + p);
        wanted = multipleAfter(base + p);
      }
      // What comes before the next cut may be left out.
      if (state >= 0 && wanted > at) break;
    }
  }
  return starts;
}

/** The state at a position if it is the same whatever it was contextBytes before, or -1. */
async function stateAt(handle: SourceHandle, position: number, dialect: Dialect): Promise<number> {
  const context = await readRange(handle, position - contextBytes, contextBytes);
  // Without a quote there is no telling.
  if (dialect.quote < 0 || !context.includes(dialect.quote)) return -1;
  let known = -1;
  for (let state = 0; state < scannerStates; state++) {
    const scanner = new RecordScanner(dialect, state);
    scanner.pass(context);
    if (known >= 0 && scanner.state !== known) return -1;
    known = scanner.state;
  }
  return known;
}

/** Pieces of bytes [from, to), each valid until the next is asked for; that one is read meanwhile. */
async function* chunksOf(
  handle: SourceHandle,
  from: number,
  to: number,
): AsyncGenerator<{ base: number; chunk: Buffer }> {
  const buffers = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(windowBytes, Math.max(1, to - from))));
  const read = async (position: number, buffer: Buffer) => {
    const length = Math.min(buffer.length, to - position);
    const { bytesRead } = await handle.read(buffer, 0, length, position);
    return buffer.subarray(0, bytesRead);
  };
  let next = from < to ? read(from, buffers[0]!) : null;
  try {
    for (let base = from, i = 1; next !== null; i ^= 1) {
      const chunk = await next;
      const end = base + chunk.length;
      next = chunk.length > 0 && end < to ? read(end, buffers[i]!) : null;
      if (chunk.length > 0) yield { base, chunk };
      base = end;
    }
  } finally {
    // Whoever goes away earlier may close the file.
    await next?.catch(() => null);
  }
}

/** Records (skipped lines too) in bytes [0, end) of a file. Only error messages need it. */
export async function countRecords(handle: SourceHandle, end: number, dialect: Dialect): Promise<number> {
  const scanner = new RecordScanner(dialect);
  let count = 0;
  for await (const { base, chunk } of chunksOf(handle, 0, end)) {
    count += recordsIn(base === 0 ? chunk.subarray(markBytes(chunk)) : chunk, dialect, scanner);
  }
  return count;
}

/** Records that end in a chunk. */
export function recordsIn(chunk: Buffer, dialect: Dialect, scanner = new RecordScanner(dialect)): number {
  let count = 0;
  for (let p = 0; (p = scanner.find(chunk, p, 0)) >= 0; ) count++;
  return count;
}
