import { VolleyError } from '../../core/base/errors.js';
import { formatTask, type WorkerId } from '../../core/base/ids.js';
import { noChecksum, type ReachedPartition } from '../../core/graph/partition.js';
import type { BulkClient, Reached } from '../../core/rpc/bulk.js';
import type { Event, Pull } from '../state/api.js';
import { type Slab, slabBytes } from '../store/slabs.js';
import type { Store } from '../store/store.js';
import type { AwaySlices } from './away.js';
import type { Templates } from './templates.js';

export interface PullerParts {
  readonly client: BulkClient;
  readonly store: Store;
  readonly away: AwaySlices;
  readonly templates: Templates;
  emit(event: Event): void;
}

/**
 * Carries out pulls: from a peer, straight into the slab they stay in. What tasks only put together, and lies in the memory of
 * a peer that lets it be read there, is left where it is: their threads read it to where it is to be.
 */
export class Puller {
  private readonly client: BulkClient;
  private readonly store: Store;
  private readonly away: AwaySlices;
  private readonly templates: Templates;
  private readonly emit: (event: Event) => void;
  /** What stops each that is under way; null while it is asked for in place. */
  private readonly open = new Map<number, AbortController | null>();
  /** Those of this turn that may stay where they are, by peer. */
  private asked = new Map<WorkerId, Pull[]>();

  constructor({ client, store, away, templates, emit }: PullerParts) {
    this.client = client;
    this.store = store;
    this.away = away;
    this.templates = templates;
    this.emit = emit;
  }

  start(pull: Pull): void {
    if (!this.mayStay(pull)) {
      this.startFetch(pull);
      return;
    }
    this.open.set(pull.id, null);
    if (this.asked.size === 0) queueMicrotask(() => this.reachAll());
    const { peer } = pull;
    const others = this.asked.get(peer);
    if (others === undefined) this.asked.set(peer, [pull]);
    else others.push(pull);
  }

  abort(pull: number): void {
    this.open.get(pull)?.abort();
    this.open.delete(pull);
  }

  close(): void {
    for (const pull of [...this.open.keys()]) this.abort(pull);
    this.client.close();
  }

  private mayStay({ small, reader }: Pull): boolean {
    return !small && reader !== null && this.templates.moves(reader.job, reader.template)?.how === 'together';
  }

  /** Slices of one peer are asked for in one message. */
  private reachAll(): void {
    const { asked } = this;
    this.asked = new Map();
    for (const pulls of asked.values()) {
      this.client.reach(pulls[0]!.from, pulls).then(
        found => {
          for (const [i, pull] of pulls.entries()) this.take(pull, found[i]!);
        },
        (error: Error) => {
          for (const pull of pulls) this.fail(pull, error);
        },
      );
    }
  }

  private take(pull: Pull, lease: Reached<ReachedPartition>): void {
    if (lease instanceof VolleyError) {
      this.fail(pull, lease);
      return;
    }
    const wanted = this.open.has(pull.id);
    // What has a checksum is checked, and that is done while it is fetched.
    if (wanted && lease?.header.checksum === noChecksum) {
      this.away.add(pull.task, pull.slice, lease);
      this.done(pull);
      return;
    }
    lease?.release();
    if (wanted) this.startFetch(pull);
  }

  private startFetch(pull: Pull): void {
    const controller = new AbortController();
    this.open.set(pull.id, controller);
    this.fetch(pull, controller.signal).then(
      () => this.done(pull),
      (error: Error) => this.fail(pull, error),
    );
  }

  private done(pull: Pull): void {
    this.open.delete(pull.id);
    this.emit({ kind: 'pull-done', pull: pull.id, task: pull.task, slice: pull.slice });
  }

  private fail(pull: Pull, error: Error): void {
    this.open.delete(pull.id);
    const code = error instanceof VolleyError ? error.code : 'INTERNAL';
    this.emit({ kind: 'pull-failed', pull: pull.id, code, detail: error.message });
  }

  private async fetch(pull: Pull, signal: AbortSignal): Promise<void> {
    const { memory } = this.store;
    let slab: Slab | null = null;
    const giveBack = (): void => {
      if (slab !== null) memory.free(slab);
      slab = null;
    };
    try {
      const header = await this.client.fetch(
        pull.from,
        pull.task,
        pull.slice,
        async ({ byteLength }) => {
          giveBack(); // A second try over another way.
          if (byteLength === 0) return new Uint8Array(0);
          slab = await memory.allocate(byteLength);
          return slabBytes(slab);
        },
        signal,
        pull.small,
      );
      signal.throwIfAborted();
      if (pull.rows >= 0 && header.rows !== pull.rows) {
        throw new VolleyError(
          'CORRUPT_PARTITION',
          `${formatTask(pull.task.job, pull.task.index)} has ${header.rows} rows at worker ${pull.peer}, ${pull.rows} were announced`,
        );
      }
      this.store.addCopy(pull.task, pull.slice, header, slab);
    } catch (error) {
      giveBack();
      throw error;
    }
  }
}
