import { limits } from '../../core/base/limits.js';
import type { ThreadOutcome, ThreadResults } from './protocol.js';

/** Gathers the ends of a batch's tasks so that they cross to the engine in one message. */
export class Collector {
  private positions: number[] = [];
  private rows: number[] = [];
  private durationUs: number[] = [];
  private values: Uint8Array[] = [];
  private others: ThreadOutcome[] = [];

  get empty(): boolean {
    return this.positions.length === 0 && this.others.length === 0;
  }

  /** True when what is here is to be sent, `ms` after the last time. `together`: nobody waits for what is done, only for what failed. */
  isDue(ms: number, together: boolean): boolean {
    const waits = together && !this.others.some(other => other.kind === 'failed');
    return ms > (waits ? limits.togetherFlushMs : limits.threadFlushMs);
  }

  enclosed(position: number, durationUs: number, rows: number, value: Uint8Array): void {
    this.positions.push(position);
    this.durationUs.push(durationUs);
    this.rows.push(rows);
    this.values.push(value);
  }

  other(outcome: ThreadOutcome): void {
    this.others.push(outcome);
  }

  /** What was gathered since the last call. */
  take(lane: number, batch: number): ThreadResults {
    let total = 0;
    for (const value of this.values) total += value.byteLength;
    const bytes = new Uint8Array(total);
    const ends = new Uint32Array(this.values.length);
    let at = 0;
    this.values.forEach((value, i) => {
      bytes.set(value, at);
      at += value.byteLength;
      ends[i] = at;
    });
    const results: ThreadResults = {
      lane,
      batch,
      positions: Uint32Array.from(this.positions),
      rows: Float64Array.from(this.rows),
      durationUs: Float64Array.from(this.durationUs),
      ends,
      bytes,
      others: this.others,
    };
    this.positions = [];
    this.rows = [];
    this.durationUs = [];
    this.values = [];
    this.others = [];
    return results;
  }
}
