import { VolleyError } from '../../core/base/errors.js';
import { formatTask } from '../../core/base/ids.js';
import { noChecksum } from '../../core/graph/partition.js';
import type { BulkClient } from '../../core/rpc/bulk.js';
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
  private readonly open = new Map<number, AbortController>();

  constructor({ client, store, away, templates, emit }: PullerParts) {
    this.client = client;
    this.store = store;
    this.away = away;
    this.templates = templates;
    this.emit = emit;
  }

  start(pull: Pull): void {
    const controller = new AbortController();
    this.open.set(pull.id, controller);
    this.pull(pull, controller.signal)
      .then(
        () => this.emit({ kind: 'pull-done', pull: pull.id, task: pull.task, slice: pull.slice }),
        (error: Error) => {
          const code = error instanceof VolleyError ? error.code : 'INTERNAL';
          this.emit({ kind: 'pull-failed', pull: pull.id, code, detail: error.message });
        },
      )
      .finally(() => this.open.delete(pull.id));
  }

  abort(pull: number): void {
    this.open.get(pull)?.abort();
  }

  close(): void {
    for (const controller of this.open.values()) controller.abort();
    this.client.close();
  }

  private async pull(pull: Pull, signal: AbortSignal): Promise<void> {
    if (!(await this.leave(pull, signal))) await this.fetch(pull, signal);
  }

  /** True: it stays where it is, and can be read there. */
  private async leave({ from, task, slice, small, reader }: Pull, signal: AbortSignal): Promise<boolean> {
    if (small || reader === null || this.templates.moves(reader.job, reader.template)?.how !== 'together')
      return false;
    const lease = await this.client.reach(from, task, slice, signal);
    if (lease === null) return false;
    // What has a checksum is checked, and that is done while it is fetched.
    if (signal.aborted || lease.header.checksum !== noChecksum) {
      lease.release();
      signal.throwIfAborted();
      return false;
    }
    this.away.add(task, slice, lease);
    return true;
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
