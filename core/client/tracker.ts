import type { FailureData } from '../graph/failure.js';
import type { Outcome } from '../wire/messages.js';

/** Follows the tasks of one layer at the client. Positions are 0-based in the layer. */
export interface LayerTracker {
  readonly first: number;
  readonly count: number;
  /** Nothing more is expected: every task has ended, or the layer as a whole has. */
  readonly settled: boolean;
  /** One task ended. */
  settle(position: number, end: TaskEnd): void;
  /** The session broke or was closed: nothing more will come. */
  abandon(error: Error): void;
}

export interface TaskEnd {
  readonly outcome: Outcome;
  readonly rows: number;
  readonly bytes: number;
  /** A worker that holds the result; 0: none. */
  readonly holder: number;
  readonly inline: Uint8Array | null;
  readonly failure: FailureData | null;
}

/** Trackers of one job, found by task index. */
export class TrackerList {
  /** Sorted by `first`: layers are numbered in the order of submission. */
  private readonly trackers: LayerTracker[] = [];

  add(tracker: LayerTracker): void {
    this.trackers.push(tracker);
  }

  remove(tracker: LayerTracker): void {
    const at = this.search(tracker.first);
    if (this.trackers[at] === tracker) this.trackers.splice(at, 1);
  }

  find(index: number): LayerTracker | null {
    const tracker = this.trackers[this.search(index)];
    return tracker !== undefined && index < tracker.first + tracker.count ? tracker : null;
  }

  /** `reason` is asked only where something still waits: an error is dear to make. */
  abandon(reason: () => Error): void {
    for (const tracker of this.trackers) if (!tracker.settled) tracker.abandon(reason());
  }

  /** Position of the last tracker that starts at or before `index`. */
  private search(index: number): number {
    let low = 0;
    let high = this.trackers.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.trackers[middle]!.first <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
