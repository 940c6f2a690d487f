import { VolleyError } from '../../core/base/errors.js';
import { formatTask } from '../../core/base/ids.js';
import type { BulkClient } from '../../core/rpc/bulk.js';
import type { Event, Pull } from '../state/api.js';
import { type Slab, slabBytes } from '../store/slabs.js';
import type { Store } from '../store/store.js';

/** Carries out pulls: from a peer, straight into the slab they stay in. */
export class Puller {
  private readonly client: BulkClient;
  private readonly store: Store;
  private readonly emit: (event: Event) => void;
  private readonly open = new Map<number, AbortController>();

  constructor(client: BulkClient, store: Store, emit: (event: Event) => void) {
    this.client = client;
    this.store = store;
    this.emit = emit;
  }

  start(pull: Pull): void {
    const controller = new AbortController();
    this.open.set(pull.id, controller);
    this.fetch(pull, controller.signal)
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
