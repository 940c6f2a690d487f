import type { JobId, TaskRef } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import type { InputTable } from '../../core/wire/messages.js';
import type { ThreadBatch, ThreadInput } from '../pool/protocol.js';
import type { Batch } from '../state/api.js';
import { entryRange, sliceOf } from '../state/inputs.js';
import { compactHeader } from '../store/block.js';
import type { PinnedSlice, Store } from '../store/store.js';
import type { AwaySlices } from './away.js';

/** Of all inputs of a task that are partitions. */
export interface InputSize {
  readonly rows: number;
  readonly bytes: number;
}

/** A batch with its inputs in memory, pinned until `release`. */
export interface GatheredBatch {
  readonly message: ThreadBatch;
  /** What each task reads. */
  readonly sizes: readonly InputSize[];
  release(): void;
}

/** Inputs that should be here but are not. */
export class InputsGone extends Error {
  readonly lost: readonly TaskRef[];

  constructor(lost: readonly TaskRef[]) {
    super('an input that was here is gone');
    this.lost = lost;
  }
}

/**
 * Pins what the batch reads, once there is room for that and as much again: tasks that each hold half of their inputs and
 * wait for the other half would wait for ever. Synchronous when all of it is in memory, which is the rule; else a
 * promise, which rejects with InputsGone or OUT_OF_MEMORY.
 */
export function gatherBatch(
  store: Store,
  away: AwaySlices,
  batch: Batch,
  streams: boolean,
): GatheredBatch | Promise<GatheredBatch> {
  const pins = pinAll(store, away, batch, streams);
  const leave = store.running.tryEnter(2 * pins.bytes);
  if (leave === null) {
    pins.release();
    return whenRoom(store, away, batch, streams, 2 * pins.bytes);
  }
  pins.onRelease = leave;
  if (!pins.waits) return finish(batch, pins);
  return pins.readBack().then(() => finish(batch, pins));
}

async function whenRoom(
  store: Store,
  away: AwaySlices,
  batch: Batch,
  streams: boolean,
  bytes: number,
): Promise<GatheredBatch> {
  const leave = await store.running.enter(bytes);
  const pins = pinAll(store, away, batch, streams);
  pins.onRelease = leave;
  if (pins.waits) await pins.readBack();
  return finish(batch, pins);
}

function pinAll(store: Store, away: AwaySlices, batch: Batch, streams: boolean): Pins {
  const pins = new Pins(store, away);
  for (const task of batch.tasks) {
    const { inputs } = task.group.message;
    inputs.forEach((table, k) => {
      pins.addAll(table, task.ordinal, positionOf(task), streams && k === 0);
    });
  }
  return pins;
}

function finish(batch: Batch, pins: Pins): GatheredBatch {
  if (pins.lost.length > 0) {
    pins.release();
    throw new InputsGone(pins.lost);
  }
  const message = threadBatch(batch, pins);
  return {
    message,
    sizes: batch.tasks.map((_, i) => sizeOf(message, i)),
    release: () => pins.release(),
  };
}

function sizeOf({ inputs }: ThreadBatch, task: number): InputSize {
  let rows = 0;
  let bytes = 0;
  for (const table of inputs?.[task] ?? []) {
    for (const input of table) {
      if (!('header' in input)) continue;
      rows += input.header.rows;
      bytes += input.header.byteLength;
    }
  }
  return { rows, bytes };
}

function positionOf(task: Batch['tasks'][number]): number {
  return task.group.message.positions[task.ordinal]!;
}

/** Slices of one batch, each pinned once; lists that tasks share stay shared, so that cloning copies them once. */
class Pins {
  readonly lost: TaskRef[] = [];
  /** Of all slices, in memory or to be read back. */
  bytes = 0;
  onRelease: () => void = () => {};
  private readonly store: Store;
  private readonly away: AwaySlices;
  private readonly inputs = new Map<string, ThreadInput>();
  private readonly pinned: { release(): void }[] = [];
  private readonly spilled = new Map<string, { task: TaskRef; slice: number }>();
  private readonly lists = new Map<InputTable, readonly ThreadInput[]>();

  constructor(store: Store, away: AwaySlices) {
    this.store = store;
    this.away = away;
  }

  get waits(): boolean {
    return this.spilled.size > 0;
  }

  /** `inTurn`: the task reads one entry after another. Those that would fill the memory are left to be asked for. */
  addAll(table: InputTable, ordinal: number, position: number, inTurn: boolean): void {
    const shared = table.offsets === null && !table.sliced;
    if (shared && this.lists.has(table)) return;
    if (shared) this.lists.set(table, []);
    const [from, to] = entryRange(table, ordinal);
    const slice = sliceOf(table, position);
    if (inTurn && this.isMuch(table, from, to, slice)) {
      for (let entry = from; entry < to; entry++) this.ask(table, entry, slice);
      return;
    }
    for (let entry = from; entry < to; entry++) this.add(table, entry, slice);
  }

  private isMuch(table: InputTable, from: number, to: number, slice: number): boolean {
    let bytes = 0;
    for (let entry = from; entry < to; entry++)
      bytes += this.store.sizeOf(taskOf(table, entry), slice)?.bytes ?? 0;
    return bytes > limits.streamedShare * this.store.memory.slabs.budgetBytes;
  }

  /** Room is made for the largest: the thread has one at a time. */
  private ask(table: InputTable, entry: number, slice: number): void {
    if (table.inline?.[entry]) return;
    const task = taskOf(table, entry);
    if (this.takeAway(keyOf(table, entry, slice), task, slice)) return;
    const size = this.store.sizeOf(task, slice);
    if (size === null) this.lost.push(task);
    else this.bytes = Math.max(this.bytes, size.bytes);
    this.inputs.set(keyOf(table, entry, slice), { ask: { ...task, slice } });
  }

  /** Brings spilled slices back: whole results to stay, parts of results for this batch. */
  async readBack(): Promise<void> {
    try {
      let parts: { key: string; task: TaskRef; slice: number }[] = [];
      let bytes = 0;
      const beyond = this.bytes > this.store.memory.slabs.budgetBytes / 2;
      const flush = async () => {
        const pins = await this.store.pinSpilled(parts, beyond);
        for (const [i, { key, task }] of parts.entries()) this.take(key, task, pins[i]!);
        parts = [];
        bytes = 0;
      };
      for (const [key, { task, slice }] of this.spilled) {
        const size = this.store.sizeOf(task, slice);
        if (size === null || size.whole) {
          this.take(key, task, await this.store.pin(task, slice, beyond));
          continue;
        }
        parts.push({ key, task, slice });
        bytes += size.bytes;
        if (bytes >= limits.readBackBytes) await flush();
      }
      if (parts.length > 0) await flush();
    } catch (error) {
      this.release();
      throw error;
    }
  }

  inputsOf(table: InputTable, ordinal: number, position: number): readonly ThreadInput[] {
    const shared = table.offsets === null && !table.sliced;
    const known = shared ? this.lists.get(table) : undefined;
    if (known !== undefined && known.length > 0) return known;
    const [from, to] = entryRange(table, ordinal);
    const slice = sliceOf(table, position);
    const list: ThreadInput[] = [];
    for (let entry = from; entry < to; entry++) {
      const value = table.inline?.[entry];
      list.push(value ? { value: owned(value) } : this.inputs.get(keyOf(table, entry, slice))!);
    }
    if (shared) this.lists.set(table, list);
    return list;
  }

  release(): void {
    for (const pin of this.pinned.splice(0)) pin.release();
    this.onRelease();
  }

  private add(table: InputTable, entry: number, slice: number): void {
    if (table.inline?.[entry]) return;
    const key = keyOf(table, entry, slice);
    if (this.inputs.has(key) || this.spilled.has(key)) return;
    const task = taskOf(table, entry);
    if (this.takeAway(key, task, slice)) return;
    const size = this.store.sizeOf(task, slice);
    this.bytes += size?.bytes ?? 0;
    // Where memory is short, a part of a result is copied: to pin it would keep all of the result from being spilled.
    const copied = size !== null && !size.whole && this.store.tight;
    const pin = copied ? undefined : this.store.pinNow(task, slice);
    if (pin === undefined) this.spilled.set(key, { task, slice });
    else this.take(key, task, pin);
  }

  /** True where it lies in a peer's memory: the thread reads it there. */
  private takeAway(key: string, task: TaskRef, slice: number): boolean {
    const pin = this.away.pin(task, slice);
    if (pin === null) return false;
    this.pinned.push(pin);
    const { alive, header, place } = pin.lease;
    this.bytes += header.byteLength;
    if (alive) this.inputs.set(key, { header: compactHeader(header), task, place });
    else this.lost.push(task);
    return true;
  }

  private take(key: string, task: TaskRef, pin: PinnedSlice | null): void {
    if (pin === null) {
      this.lost.push(task);
      return;
    }
    this.pinned.push(pin);
    const { header, slab, trusted } = pin;
    const input: ThreadInput =
      slab === null
        ? { header, bytes: owned(pin.bytes), trusted }
        : { header, arena: slab.arena.id, offset: pin.arenaOffset, trusted };
    this.inputs.set(key, input);
  }
}

function taskOf(table: InputTable, entry: number): TaskRef {
  return { job: table.jobs[entry]! as JobId, index: table.indices[entry]! };
}

function keyOf(table: InputTable, entry: number, slice: number): string {
  return `${table.jobs[entry]}/${table.indices[entry]}/${slice}`;
}

/** Bytes whose buffer is theirs alone: cloning a view would copy all of its buffer. */
function owned(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

function threadBatch(batch: Batch, pins: Pins): ThreadBatch {
  const { tasks } = batch;
  const { message } = tasks[0]!.group;
  const count = tasks.length;
  const indices = new Uint32Array(count);
  const attempts = new Uint32Array(count);
  const positions = new Uint32Array(count);
  tasks.forEach((task, i) => {
    indices[i] = task.index;
    attempts[i] = task.attempt;
    positions[i] = positionOf(task);
  });
  const inputs =
    message.inputs.length === 0
      ? null
      : tasks.map(task =>
          task.group.message.inputs.map(table => pins.inputsOf(table, task.ordinal, positionOf(task))),
        );
  return {
    lane: batch.lane,
    batch: batch.id,
    job: batch.job,
    template: batch.template,
    name: message.name,
    definition: null,
    inlineResult: message.inlineResult,
    announce: batch.announce,
    together: batch.together,
    indices,
    attempts,
    positions,
    args: packArgs(batch),
    inputs,
    rooms: null,
  };
}

function packArgs(batch: Batch): ThreadBatch['args'] {
  const { tasks } = batch;
  if (tasks[0]!.group.message.args === null) return null;
  const offsets = new Uint32Array(tasks.length + 1);
  let total = 0;
  tasks.forEach((task, i) => {
    const table = task.group.message.args!;
    total += table.offsets[task.ordinal + 1]! - table.offsets[task.ordinal]!;
    offsets[i + 1] = total;
  });
  const bytes = new Uint8Array(total);
  tasks.forEach((task, i) => {
    const table = task.group.message.args!;
    bytes.set(
      table.bytes.subarray(table.offsets[task.ordinal]!, table.offsets[task.ordinal + 1]!),
      offsets[i]!,
    );
  });
  return { offsets, bytes };
}
