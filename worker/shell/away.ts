import type { TaskRef } from '../../core/base/ids.js';
import type { ReachedPartition } from '../../core/graph/partition.js';

interface AwaySlice {
  readonly task: TaskRef;
  readonly lease: ReachedPartition;
  /** Batches that read it. */
  pins: number;
  dropped: boolean;
}

/** A slice that stays lent until released. */
export interface PinnedAway {
  readonly lease: ReachedPartition;
  release(): void;
}

/** Slices that tasks here read where they lie in peers' memory: the store's other half, which holds no bytes. */
export class AwaySlices {
  private readonly slices = new Map<string, AwaySlice>();

  add(task: TaskRef, slice: number, lease: ReachedPartition): void {
    this.drop(task, slice);
    this.slices.set(keyOf(task, slice), { task, lease, pins: 0, dropped: false });
  }

  pin(task: TaskRef, slice: number): PinnedAway | null {
    const found = this.slices.get(keyOf(task, slice));
    if (found === undefined) return null;
    found.pins++;
    let released = false;
    return {
      lease: found.lease,
      release: () => {
        if (released) return;
        released = true;
        if (--found.pins === 0 && found.dropped) found.lease.release();
      },
    };
  }

  /** Given back at once, or when the last batch that reads it has ended. */
  drop(task: TaskRef, slice: number): void {
    const key = keyOf(task, slice);
    const found = this.slices.get(key);
    if (found !== undefined) this.forget(key, found);
  }

  dropJob(job: number): void {
    this.dropWhere(found => found.task.job === job);
  }

  close(): void {
    this.dropWhere(() => true);
  }

  private dropWhere(is: (found: AwaySlice) => boolean): void {
    for (const [key, found] of [...this.slices]) {
      if (is(found)) this.forget(key, found);
    }
  }

  private forget(key: string, found: AwaySlice): void {
    this.slices.delete(key);
    found.dropped = true;
    if (found.pins === 0) found.lease.release();
  }
}

function keyOf({ job, index }: TaskRef, slice: number): string {
  return `${job}/${index}/${slice}`;
}
