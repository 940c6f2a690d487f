import { limits } from '../../core/base/limits.js';
import type { FaultEvent, Notifier } from '../../core/notify/notifier.js';

/** Stands in for a notifier that can only be made once the cluster's name is known. Keeps what is published until then. */
export class DeferredNotifier implements Notifier {
  private target: Notifier | null = null;
  private readonly early: FaultEvent[] = [];
  private readonly handlers = new Map<(event: FaultEvent) => void, (() => void) | null>();

  connect(target: Notifier): void {
    this.target = target;
    for (const handler of this.handlers.keys()) this.handlers.set(handler, target.subscribe(handler));
    for (const event of this.early.splice(0)) target.publish(event);
  }

  publish(event: FaultEvent): void {
    if (this.target !== null) {
      this.target.publish(event);
      return;
    }
    if (this.early.length >= limits.storyEvents) this.early.shift();
    this.early.push(event);
  }

  subscribe(handler: (event: FaultEvent) => void): () => void {
    this.handlers.set(handler, this.target?.subscribe(handler) ?? null);
    return () => {
      this.handlers.get(handler)?.();
      this.handlers.delete(handler);
    };
  }

  async flush(): Promise<void> {
    await this.target?.flush();
  }

  async close(): Promise<void> {
    await this.target?.close();
  }
}
