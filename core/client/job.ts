import { assert } from '../base/assert.js';
import { isVolleyError, VolleyError } from '../base/errors.js';
import type { JobId, TaskRange, TaskRef, TemplateId, WorkerId } from '../base/ids.js';
import { limits } from '../base/limits.js';
import type { GraphJob, LayerHandle, LayerRequest } from '../graph/executor.js';
import type { TemplateKind } from '../graph/layer.js';
import { defaultTaskOptions } from '../graph/layer.js';
import type { LeasedPartition, OwnedPartition, PartitionSource } from '../graph/partition.js';
import type { PeerEntry } from '../wire/messages.js';
import { decodePayload } from '../wire/payload.js';
import type { Client } from './client.js';
import type { GroupHost } from './future.js';
import { TaskGroup } from './future.js';
import { StageTracker } from './layer-tracker.js';
import type { LayerTracker, TaskEnd } from './tracker.js';
import { TrackerList } from './tracker.js';

/** A job as its client sees it: numbers its tasks, remembers its templates and its puts, follows its layers. */
export class ClientJob implements GraphJob, GroupHost {
  readonly id: JobId;
  readonly name: string;
  private readonly client: Client;
  private readonly trackers = new TrackerList();
  /** Given up while tasks of it were unfinished: followed to the end, since somebody may be waiting for that. */
  private readonly releasedEarly = new Set<LayerTracker>();
  private readonly templates = new Map<string, TemplateId>();
  /** Stored partitions by task index: kept so that a lost worker's share can be stored again. */
  private readonly puts = new Map<number, PartitionSource>();
  private nextIndex = 0;
  private nextWorker = 0;
  private closed = false;

  /** Made by Client.openJob only. */
  constructor(client: Client, id: JobId, name: string) {
    this.client = client;
    this.id = id;
    this.name = name;
  }

  template(kind: TemplateKind, name: string, body: Uint8Array): TemplateId {
    return this.templateByKey(`${kind} ${Buffer.from(body).toString('latin1')}`, kind, name, body);
  }

  /** Like template, where the caller knows a short key that says as much as the body. */
  templateByKey(key: string, kind: TemplateKind, name: string, body: Uint8Array): TemplateId {
    let template = this.templates.get(key);
    if (template === undefined) {
      template = (this.templates.size + 1) as TemplateId;
      this.client.send({ kind: 'template', spec: { job: this.id, template, kind, name, body } });
      this.templates.set(key, template);
    }
    return template;
  }

  submit(layer: LayerRequest): LayerHandle {
    const range = this.reserve(layer.count);
    const tracker = new StageTracker(range, () => this.cancel(range), layer.onTask);
    // Whoever counts tasks wants to hear of each.
    const options = { reportedTogether: layer.onTask === undefined, ...layer.options };
    this.submitTracked({ ...layer, options }, tracker, range);
    this.client.hold();
    const unhold = () => this.client.unhold();
    tracker.done.then(unhold, unhold);
    return { range, done: tracker.done };
  }

  /** Opens a layer of tasks that have futures: append to the group, then submit it before anything else of this job. */
  openGroup(name: string, capacity: number): TaskGroup {
    this.client.assertOpen();
    return new TaskGroup(this, this.id, this.nextIndex, capacity, name);
  }

  submitGroup(group: TaskGroup, layer: Omit<LayerRequest, 'count'>): void {
    assert(
      group.first === this.nextIndex,
      'a group is submitted before other layers of its job are numbered',
    );
    this.submitTracked({ ...layer, count: group.count }, group, this.reserve(group.count));
    group.submitted();
  }

  async put(partitions: readonly PartitionSource[], everywhere = false): Promise<LayerHandle> {
    const range = this.reserve(partitions.length);
    const tracker = new StageTracker(range, () => {});
    this.submitLayer(range, {
      template: null,
      count: range.count,
      dependencies: [],
      args: null,
      slices: 1,
      options: { name: `${this.name}: stored data` },
    });
    this.trackers.add(tracker);
    this.client.hold();
    try {
      const workers = partitions.length === 0 ? 1 : (await this.client.waitForWorkers(1)).length;
      const first = this.nextWorker;
      this.nextWorker += Math.min(workers, partitions.length);
      const turns = inRuns(partitions.length, workers);
      const lane = async () => {
        for (const { at, worker } of turns) {
          this.puts.set(range.first + at, partitions[at]!);
          await this.store(range.first + at, partitions[at]!, first + worker, everywhere);
        }
      };
      await Promise.all(Array.from({ length: Math.min(limits.putsInFlight, partitions.length) }, lane));
      await tracker.done;
    } finally {
      this.client.unhold();
    }
    return { range, done: tracker.done };
  }

  async fetch(task: TaskRef, slice: number): Promise<LeasedPartition> {
    const tracker = this.trackers.find(task.index);
    const own = task.job === this.id;
    const holder = own && tracker instanceof StageTracker ? tracker.holders[task.index - tracker.first]! : 0;
    return this.client.fetch(task, slice, holder, true);
  }

  async fetchValue(task: TaskRef, holder: number): Promise<unknown> {
    const { header, bytes } = await this.client.fetch(task, 0, holder);
    return decodePayload(header.meta, bytes);
  }

  cancel(range: TaskRange): void {
    this.client.sendIfOpen({ kind: 'cancel', range });
  }

  release(range: TaskRange): void {
    if (this.closed) return;
    for (let i = 0; i < range.count; i++) this.puts.delete(range.first + i);
    const tracker = this.trackers.find(range.first);
    if (tracker !== null && tracker.count === range.count) {
      if (tracker.settled) this.trackers.remove(tracker);
      else this.releasedEarly.add(tracker);
    }
    this.client.sendIfOpen({ kind: 'release', ranges: [range] });
  }

  evict(range: TaskRange): void {
    this.client.sendIfOpen({ kind: 'evict', range });
  }

  /** Gives up single results of groups that live on. Neighbours travel as one range. */
  releaseTasks(tasks: readonly TaskRef[]): void {
    const ranges: { job: JobId; first: number; count: number }[] = [];
    for (const { job, index } of tasks) {
      const last = ranges[ranges.length - 1];
      if (last !== undefined && last.first + last.count === index) last.count++;
      else ranges.push({ job, first: index, count: 1 });
    }
    if (ranges.length > 0) this.client.sendIfOpen({ kind: 'release', ranges });
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.client.sendIfOpen({ kind: 'drop-job', job: this.id });
    this.client.forgetJob(this);
    this.puts.clear();
    this.trackers.abandon(() => new VolleyError('RELEASED', `job ${this.id} (${this.name}) was closed`));
  }

  hold(): void {
    this.client.hold();
  }

  unhold(): void {
    this.client.unhold();
  }

  /** Called by the client for each result. Results of layers already released are dropped. */
  settle(index: number, end: TaskEnd): void {
    const tracker = this.trackers.find(index);
    if (tracker === null) return;
    tracker.settle(index - tracker.first, end);
    if (tracker.settled && this.releasedEarly.delete(tracker)) this.trackers.remove(tracker);
  }

  abandon(error: Error): void {
    this.trackers.abandon(() => error);
  }

  /** The workers that held these are gone: stores them on others. */
  putAgain(indices: Uint32Array): void {
    for (const index of indices) {
      const partition = this.puts.get(index);
      if (partition === undefined) continue;
      this.store(index, partition, this.nextWorker++, false).catch(() =>
        this.cancel({ job: this.id, first: index, count: 1 }),
      );
    }
  }

  private reserve(count: number): TaskRange {
    if (this.nextIndex + count > limits.tasksPerJob) {
      throw new VolleyError(
        'RESOURCE_EXHAUSTED',
        `a job holds at most ${limits.tasksPerJob} tasks; open a new session`,
      );
    }
    const range = { job: this.id, first: this.nextIndex, count };
    this.nextIndex += count;
    return range;
  }

  private submitTracked(layer: LayerRequest, tracker: LayerTracker, range: TaskRange): void {
    if (range.count === 0) return;
    this.trackers.add(tracker);
    this.submitLayer(range, layer);
  }

  private submitLayer(
    range: TaskRange,
    layer: Omit<LayerRequest, 'template'> & { template: TemplateId | null },
  ): void {
    if (range.count === 0) return;
    this.client.send({
      kind: 'submit',
      layer: {
        job: this.id,
        first: range.first,
        count: range.count,
        template: layer.template,
        dependencies: layer.dependencies,
        args: layer.args,
        slices: layer.slices,
        options: { ...defaultTaskOptions, ...layer.options },
      },
    });
  }

  /** Stores one partition: on the worker whose turn it is, or on all of them. A worker that cannot is passed over. */
  private async store(
    index: number,
    source: PartitionSource,
    turn: number,
    everywhere: boolean,
  ): Promise<void> {
    const partition = typeof source === 'function' ? source() : source;
    let failure: unknown = null;
    let stored = 0;
    for (let round = 0; round < limits.fetchAttempts && stored === 0; round++) {
      const workers = await this.client.waitForWorkers(1);
      const start = everywhere ? 0 : turn + round;
      for (let k = 0; k < workers.length && (everywhere || stored === 0); k++) {
        try {
          await this.storeOn(workers[(start + k) % workers.length]!, index, partition);
          stored++;
        } catch (error) {
          if (!isVolleyError(error)) throw error;
          failure = error;
        }
      }
    }
    if (stored === 0) throw failure;
  }

  private async storeOn(worker: PeerEntry, index: number, partition: OwnedPartition): Promise<void> {
    await this.client.bulk.put(worker.address, { job: this.id, index }, partition.header, partition.bytes);
    this.client.send({
      kind: 'put-done',
      job: this.id,
      indices: Uint32Array.of(index),
      worker: worker.worker as WorkerId,
      rows: Float64Array.of(partition.header.rows),
      bytes: Float64Array.of(partition.header.byteLength),
    });
  }
}

/**
 * Each of the workers gets a run of neighbours, since tasks read those together; the runs are walked side by side, so that all
 * workers receive at the same time.
 */
function* inRuns(partitions: number, workers: number): Generator<{ at: number; worker: number }> {
  const length = Math.ceil(partitions / workers);
  for (let step = 0; step < length; step++) {
    for (let at = step; at < partitions; at += length) yield { at, worker: Math.floor(at / length) };
  }
}
