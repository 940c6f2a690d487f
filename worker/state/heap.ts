/** What waits in order: higher priority first, then in order of arrival. */
export interface Ordered {
  /** In a container that carries them directly or by its message. */
  readonly sequence: number;
}

/** A binary heap of things that wait, highest priority and oldest first. */
export class WaitHeap<T extends Ordered> {
  private readonly items: T[] = [];
  private readonly priority: (item: T) => number;

  constructor(priority: (item: T) => number) {
    this.priority = priority;
  }

  get size(): number {
    return this.items.length;
  }

  peek(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    const { items } = this;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!this.before(item, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): T | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.before(items[child + 1]!, items[child]!)) child++;
      if (!this.before(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return first;
  }

  private before(a: T, b: T): boolean {
    const difference = this.priority(a) - this.priority(b);
    return difference !== 0 ? difference > 0 : a.sequence < b.sequence;
  }
}
