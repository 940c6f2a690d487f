import type { EventEmitter } from 'node:events';
import { limits } from '../base/limits.js';
import { asBuffer, StallWatch } from './bulk-receiver.js';

/** A gRPC call or a socket, as far as sending is concerned. */
export interface ByteSink extends Pick<EventEmitter, 'once' | 'removeListener'> {
  write(chunk: Buffer, taken: () => void): unknown;
}

/**
 * Writes `bytes` in chunks, limits.chunksInFlight of them ahead of the network. Resolves true when the last one has
 * been taken (only then may their memory be reused), false when `gone` was emitted or the reader took nothing for
 * `stallMs`.
 */
export function sendBytes(
  sink: ByteSink,
  gone: string,
  bytes: Uint8Array,
  stallMs: number,
): Promise<boolean> {
  return new Promise(resolve => {
    let at = 0;
    let inFlight = 0;
    let over = false;
    const watch = new StallWatch(stallMs, () => end(false));
    const lost = () => end(false);
    sink.once(gone, lost);

    function end(whole: boolean): void {
      if (over) return;
      over = true;
      watch.stop();
      sink.removeListener(gone, lost);
      resolve(whole);
    }
    function taken(): void {
      inFlight--;
      watch.moved();
      next();
    }
    function next(): void {
      while (!over && inFlight < limits.chunksInFlight && at < bytes.byteLength) {
        const to = Math.min(at + limits.chunkBytes, bytes.byteLength);
        inFlight++;
        const chunk = asBuffer(bytes.subarray(at, to));
        at = to;
        sink.write(chunk, taken);
      }
      if (inFlight === 0 && at === bytes.byteLength) end(true);
    }
    next();
  });
}
