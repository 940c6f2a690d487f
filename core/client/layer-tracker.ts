import type { TaskRange } from '../base/ids.js';
import type { LayerResult } from '../graph/executor.js';
import { fromFailure } from '../wire/failure.js';
import { Outcome } from '../wire/messages.js';
import { cancelledError } from './future.js';
import type { LayerTracker, TaskEnd } from './tracker.js';

/** Collects the statistics of a layer whose tasks have no futures of their own: dataframe stages. */
export class StageTracker implements LayerTracker {
  readonly first: number;
  readonly count: number;
  readonly done: Promise<LayerResult>;
  readonly holders: Uint32Array;
  private readonly result: {
    range: TaskRange;
    rows: Float64Array;
    bytes: Float64Array;
    inline: (Uint8Array | null)[];
  };
  private remaining: number;
  private failed = false;
  private resolve!: (result: LayerResult) => void;
  private reject!: (error: unknown) => void;
  private readonly onFailure: () => void;
  private readonly onTask: () => void;

  /**
   * `onFailure` is called once, before `done` rejects: the rest of the layer can be cancelled. `onTask`: for each that is
   * done.
   */
  constructor(range: TaskRange, onFailure: () => void, onTask: () => void = () => {}) {
    this.first = range.first;
    this.count = range.count;
    this.onFailure = onFailure;
    this.onTask = onTask;
    this.remaining = range.count;
    this.holders = new Uint32Array(range.count);
    this.result = {
      range,
      rows: new Float64Array(range.count),
      bytes: new Float64Array(range.count),
      inline: new Array(range.count).fill(null),
    };
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // A failed stage nobody waits for any more must not end the process.
    this.done.catch(() => {});
    if (range.count === 0) this.resolve(this.result);
  }

  get settled(): boolean {
    return this.failed || this.remaining === 0;
  }

  settle(position: number, end: TaskEnd): void {
    if (this.failed) return;
    if (end.outcome !== Outcome.Done) {
      this.fail(end.failure === null ? cancelledError(`${this.first + position}`) : fromFailure(end.failure));
      return;
    }
    this.result.rows[position] = end.rows;
    this.result.bytes[position] = end.bytes;
    this.result.inline[position] = end.inline;
    this.holders[position] = end.holder;
    this.remaining--;
    try {
      this.onTask();
    } catch (error) {
      this.fail(error);
    }
    if (this.remaining === 0) this.resolve(this.result);
  }

  private fail(error: unknown): void {
    this.failed = true;
    this.onFailure();
    this.reject(error);
  }

  abandon(error: Error): void {
    this.failed = true;
    this.reject(error);
  }
}
