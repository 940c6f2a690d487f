import { collectGarbage } from '../base/collect-garbage.js';
import { limits } from '../base/limits.js';

/** Bytes that buffers are a multiple of. */
const grain = 64 * 1024;

export interface AnswerBytes {
  readonly bytes: Uint8Array;
  release(): void;
}

/**
 * Memory for results that come from other processes. What answers leave behind is used for the next ones: the system
 * takes longer to give new memory than a result takes to come. It is shared memory only because that is what lives on when
 * the last view of a lease is collected (see keepBytes).
 */
export class AnswerMemory {
  /** Free ones; the last one was used last. */
  private readonly free: SharedArrayBuffer[] = [];
  private freeBytes = 0;
  private idle: NodeJS.Timeout | null = null;

  /** Holding anything. `release` gives it back; who forgets to leaves it to the collector. */
  take(byteLength: number): AnswerBytes {
    if (byteLength < limits.answerLeastBytes) return { bytes: new Uint8Array(byteLength), release: () => {} };
    const buffer = this.takeFree(byteLength) ?? new SharedArrayBuffer(Math.ceil(byteLength / grain) * grain);
    let released = false;
    return {
      bytes: new Uint8Array(buffer, 0, byteLength),
      release: () => {
        if (!released) this.give(buffer);
        released = true;
      },
    };
  }

  /** Forgets all that is free. */
  clear(): void {
    if (this.idle !== null) clearTimeout(this.idle);
    this.idle = null;
    this.free.length = 0;
    this.freeBytes = 0;
  }

  /** The smallest one that is large enough and not much larger. */
  private takeFree(byteLength: number): SharedArrayBuffer | null {
    let best = -1;
    this.free.forEach(({ byteLength: size }, k) => {
      if (size < byteLength || size > 2 * byteLength) return;
      if (best < 0 || size < this.free[best]!.byteLength) best = k;
    });
    if (best < 0) return null;
    const [buffer] = this.free.splice(best, 1) as [SharedArrayBuffer];
    this.freeBytes -= buffer.byteLength;
    return buffer;
  }

  private give(buffer: SharedArrayBuffer): void {
    this.free.push(buffer);
    this.freeBytes += buffer.byteLength;
    while (this.freeBytes > limits.answerKeptBytes) this.freeBytes -= this.free.shift()!.byteLength;
    if (this.idle !== null) {
      this.idle.refresh();
      return;
    }
    this.idle = setTimeout(() => {
      this.clear();
      collectGarbage();
    }, limits.answerIdleMs).unref();
  }
}
