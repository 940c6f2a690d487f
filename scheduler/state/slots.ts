import { assert } from '../../core/base/assert.js';
import type { TaskStateName } from '../../core/graph/report.js';

/** Where a task is in its life. `Free`: the slot belongs to no task. */
export const State = {
  Waiting: 0,
  Ready: 1,
  Assigned: 2,
  RetryWait: 3,
  Done: 4,
  Failed: 5,
  Cancelled: 6,
  Released: 7,
  Free: 8,
} as const;
export type State = (typeof State)[keyof typeof State];

/** Names of the states, by number. */
export const stateNames: readonly TaskStateName[] = [
  'waiting',
  'ready',
  'assigned',
  'retry-wait',
  'done',
  'failed',
  'cancelled',
  'released',
];

/** What else is known of a task: bits of `flags`. */
export const Flag = {
  /** Its client has not released the result. */
  Wanted: 1,
  /** It has yet to run to its end, and so keeps its inputs alive. Set exactly in the first four states. */
  Open: 2,
  /** Its end was told to the client: once, whatever is recomputed later. */
  Reported: 4,
  /** Its result is a payload the head holds. */
  Inline: 8,
  /** A retry ticket is out for it. */
  Ticket: 16,
  /** An input went away after it was assigned: an 'input-lost' says nothing new. */
  InputMoved: 32,
  /** Its worker was asked to hand it back if unstarted. */
  Retracting: 64,
} as const;

/** Slot number or source that does not exist. */
export const none = 0xffffffff;

/**
 * One row per task, in parallel arrays: about 50 bytes a task, nothing for the collector to walk. Growing replaces the
 * arrays, so nobody keeps one across an allocation.
 */
export class SlotTable {
  capacity = 0;
  used = 0;
  state = new Uint8Array(0);
  flags = new Uint8Array(0);
  /** Input edges whose result is not there. A barrier dependency counts as one edge. Kept in every state. */
  unmet = new Uint32Array(0);
  /** Open readers of the result: one per edge, one per barrier dependency with open readers. */
  consumers = new Uint32Array(0);
  /** The attempt that runs, or will run next. From 1. */
  attempt = new Uint32Array(0);
  systemLosses = new Uint8Array(0);
  applicationFailures = new Uint16Array(0);
  engineKills = new Uint8Array(0);
  inputLosses = new Uint8Array(0);
  /** Worker it is assigned to; 0: none. */
  owner = new Uint32Array(0);
  /** First worker that holds the result; 0: none. Others are in `moreHolders`. */
  holder = new Uint32Array(0);
  rows = new Float64Array(0);
  bytes = new Float64Array(0);
  /** What its owner's queue was charged for it. Milliseconds. */
  expectedMs = new Float32Array(0);
  /** Number of the layer it belongs to. */
  layer = new Uint32Array(0);
  readonly moreHolders = new Map<number, number[]>();
  /** Free ranges, sorted, never touching. */
  private readonly gaps: { first: number; count: number }[] = [];

  /** Reserves consecutive slots, zeroed except for `layer`. */
  allocate(count: number, layer: number): number {
    const first = this.take(count);
    const end = first + count;
    for (const column of this.columns()) column.fill(0, first, end);
    this.layer.fill(layer, first, end);
    this.used += count;
    return first;
  }

  /** Gives slots back. */
  free(first: number, count: number): void {
    this.state.fill(State.Free, first, first + count);
    for (const slot of this.moreHolders.size === 0 ? [] : [...this.moreHolders.keys()]) {
      if (slot >= first && slot < first + count) this.moreHolders.delete(slot);
    }
    this.used -= count;
    this.addGap(first, count);
  }

  /** Free slots, for the accounts of `validate`. */
  get freeCount(): number {
    return this.gaps.reduce((sum, gap) => sum + gap.count, 0);
  }

  addHolder(slot: number, worker: number): void {
    const first = this.holder[slot]!;
    if (first === worker) return;
    if (first === 0) {
      this.holder[slot] = worker;
      return;
    }
    const more = this.moreHolders.get(slot);
    if (more === undefined) this.moreHolders.set(slot, [worker]);
    else if (!more.includes(worker)) more.push(worker);
  }

  /** True when the worker was a holder. */
  removeHolder(slot: number, worker: number): boolean {
    const more = this.moreHolders.get(slot);
    if (this.holder[slot] === worker) {
      this.holder[slot] = more?.shift() ?? 0;
    } else {
      const at = more?.indexOf(worker) ?? -1;
      if (at < 0) return false;
      more!.splice(at, 1);
    }
    if (more?.length === 0) this.moreHolders.delete(slot);
    return true;
  }

  holders(slot: number): number[] {
    const first = this.holder[slot]!;
    return first === 0 ? [] : [first, ...(this.moreHolders.get(slot) ?? [])];
  }

  clearHolders(slot: number): void {
    this.holder[slot] = 0;
    if (this.moreHolders.size > 0) this.moreHolders.delete(slot);
  }

  private take(count: number): number {
    const at = this.gaps.findIndex(gap => gap.count >= count);
    if (at < 0) {
      this.grow(count);
      return this.take(count);
    }
    const gap = this.gaps[at]!;
    const first = gap.first;
    gap.first += count;
    gap.count -= count;
    if (gap.count === 0) this.gaps.splice(at, 1);
    return first;
  }

  /** Doubles until a gap of `count` exists at the end. */
  private grow(count: number): void {
    const before = this.capacity;
    const capacity = Math.max(1024, before * 2, before + count);
    assert(capacity < none, 'slot numbers are u32');
    const bigger = <T extends Uint8Array | Uint16Array | Uint32Array | Float32Array | Float64Array>(
      old: T,
    ): T => {
      const grown = new (old.constructor as new (length: number) => T)(capacity);
      grown.set(old);
      return grown;
    };
    this.state = bigger(this.state).fill(State.Free, before);
    this.flags = bigger(this.flags);
    this.unmet = bigger(this.unmet);
    this.consumers = bigger(this.consumers);
    this.attempt = bigger(this.attempt);
    this.systemLosses = bigger(this.systemLosses);
    this.applicationFailures = bigger(this.applicationFailures);
    this.engineKills = bigger(this.engineKills);
    this.inputLosses = bigger(this.inputLosses);
    this.owner = bigger(this.owner);
    this.holder = bigger(this.holder);
    this.rows = bigger(this.rows);
    this.bytes = bigger(this.bytes);
    this.expectedMs = bigger(this.expectedMs);
    this.layer = bigger(this.layer);
    this.capacity = capacity;
    this.addGap(before, capacity - before);
  }

  private columns() {
    return [
      this.state,
      this.flags,
      this.unmet,
      this.consumers,
      this.attempt,
      this.systemLosses,
      this.applicationFailures,
      this.engineKills,
      this.inputLosses,
      this.owner,
      this.holder,
      this.rows,
      this.bytes,
      this.expectedMs,
    ];
  }

  private addGap(first: number, count: number): void {
    let low = 0;
    let high = this.gaps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.gaps[middle]!.first < first) low = middle + 1;
      else high = middle;
    }
    const before = this.gaps[low - 1];
    const after = this.gaps[low];
    const joinsBefore = before !== undefined && before.first + before.count === first;
    const joinsAfter = after !== undefined && first + count === after.first;
    if (joinsBefore && joinsAfter) {
      before.count += count + after.count;
      this.gaps.splice(low, 1);
    } else if (joinsBefore) {
      before.count += count;
    } else if (joinsAfter) {
      after.first = first;
      after.count += count;
    } else {
      this.gaps.splice(low, 0, { first, count });
    }
  }
}
