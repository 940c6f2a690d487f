import { VolleyError } from '../../core/base/errors.js';
import type { NodeMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import { alignUp } from './arena.js';
import { type Slab, SlabAllocator } from './slabs.js';

export interface MemoryOptions {
  readonly memoryBytes: number;
  /** What kernels run over; null where the system gave none. Default: none. */
  readonly node?: NodeMemory | null;
  /** limits.allocationWaitMs unless a test says otherwise. */
  readonly allocationWaitMs?: number;
  /** Threads must forget this arena. */
  readonly onDropArena?: (arena: number) => void;
}

interface Waiter {
  readonly byteLength: number;
  readonly urgent: boolean;
  /** Given beyond the budget when nothing more can be spilled for it. */
  readonly beyond: boolean;
  readonly resolve: (slab: Slab) => void;
  readonly reject: (error: VolleyError) => void;
  timer: NodeJS.Timeout | null;
}

/**
 * The budget of a node: slabs and small heap blocks together. What does not fit now waits, in order, for frees and
 * for the spiller; at most limits.allocationWaitMs.
 */
export class MemoryBudget {
  readonly slabs: SlabAllocator;
  private heapBytes = 0;
  private readonly waiting: Waiter[] = [];
  private readonly waitMs: number;
  /** Asked when a request has to wait: makes room, later. */
  onPressure: () => void = () => {};
  /** Tasks that run: when all of them wait for room for their results, none of them will give its inputs back. */
  busy: () => number = () => Number.POSITIVE_INFINITY;
  /** Called after bytes were given back. */
  onRelief: () => void = () => {};

  constructor(options: MemoryOptions) {
    this.slabs = new SlabAllocator(options.memoryBytes, options.onDropArena, options.node);
    this.waitMs = options.allocationWaitMs ?? limits.allocationWaitMs;
  }

  /** Bytes accounted: slabs with their alignment, and heap blocks. */
  get usedBytes(): number {
    return this.slabs.usedBytes + this.heapBytes;
  }

  /** Share of the budget in use: 0 to 1, and a little above when heap blocks crowd. */
  get level(): number {
    return this.usedBytes / this.slabs.budgetBytes;
  }

  get waiters(): number {
    return this.waiting.length;
  }

  /** A slab at once, or null. Those who wait come first; `urgent` requests pass those that are not. */
  tryAllocate(byteLength: number, urgent = false): Slab | null {
    const first = this.waiting[0];
    return first !== undefined && (first.urgent || !urgent) ? null : this.allocateNow(byteLength);
  }

  /**
   * `urgent`: the result of a task that runs, whose end gives its inputs back; it does not wait behind inputs of tasks
   * that are to run. Rejects with OUT_OF_MEMORY when it can never fit, or did not in time.
   */
  allocate(byteLength: number, urgent = false): Promise<Slab> {
    const slab = this.tryAllocate(byteLength, urgent) ?? (urgent ? this.overdrawn(byteLength) : null);
    if (slab !== null) return Promise.resolve(slab);
    const budget = this.slabs.budgetBytes;
    if (alignUp(byteLength) > budget || byteLength > limits.slabBytes) {
      return Promise.reject(outOfMemory(byteLength, budget, 'one partition cannot be larger than that'));
    }
    return this.wait(byteLength, urgent, false);
  }

  /**
   * For inputs of a batch that runs alone because they alone exceed the budget: what can be spilled makes room first, the rest is
   * given beyond the budget, and so are its results until its end. Better than a job that cannot end; bounded by what one
   * task reads and makes.
   */
  allocateBeyond(byteLength: number): Slab | Promise<Slab> {
    const slab = this.tryAllocate(byteLength, true) ?? this.overdrawn(byteLength);
    return slab ?? this.wait(byteLength, true, true);
  }

  private wait(byteLength: number, urgent: boolean, beyond: boolean): Promise<Slab> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = { byteLength, urgent, beyond, resolve, reject, timer: null };
      waiter.timer = setTimeout(() => this.expire(waiter), this.waitMs);
      waiter.timer.unref();
      const behind = urgent ? this.waiting.findIndex(each => !each.urgent) : -1;
      this.waiting.splice(behind < 0 ? this.waiting.length : behind, 0, waiter);
      this.onPressure();
    });
  }

  private overdrawn(byteLength: number): Slab | null {
    const over = this.slabs.usedBytes > this.slabs.budgetBytes && byteLength <= limits.slabBytes;
    return over ? this.slabs.allocateBeyond(byteLength) : null;
  }

  free(slab: Slab): void {
    this.slabs.free(slab);
    this.serve();
  }

  /** Gives back what lies behind the first `byteLength` bytes. */
  trim(slab: Slab, byteLength: number): void {
    if (this.slabs.trim(slab, byteLength)) this.serve();
  }

  chargeHeap(bytes: number): void {
    this.heapBytes += bytes;
  }

  refundHeap(bytes: number): void {
    this.heapBytes -= bytes;
    this.serve();
  }

  close(): void {
    for (const waiter of this.waiting.splice(0)) {
      if (waiter.timer !== null) clearTimeout(waiter.timer);
      waiter.reject(outOfMemory(waiter.byteLength, this.slabs.budgetBytes, 'the node is closing'));
    }
    this.slabs.close();
  }

  /**
   * Nothing can be spilled now: those who wait only because free memory lies in small pieces are served all the same. When
   * every task that runs waits here, the first gets its result beyond the budget: it ends, and gives back what it reads.
   */
  serveScattered(): void {
    this.serve(true);
    const first = this.waiting[0];
    const results = this.waiting.filter(waiter => waiter.urgent && !waiter.beyond).length;
    if (first === undefined || !(first.beyond || (first.urgent && results >= this.busy()))) return;
    this.waiting.shift();
    if (first.timer !== null) clearTimeout(first.timer);
    first.resolve(this.slabs.allocateBeyond(first.byteLength));
  }

  private allocateNow(byteLength: number, scattered = false): Slab | null {
    if (this.usedBytes + byteLength > this.slabs.budgetBytes) return null;
    return this.slabs.allocate(byteLength, scattered);
  }

  private serve(scattered = false): void {
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      const slab = this.allocateNow(first.byteLength, scattered);
      if (slab === null) break;
      this.waiting.shift();
      if (first.timer !== null) clearTimeout(first.timer);
      first.resolve(slab);
    }
    this.onRelief();
  }

  private expire(waiter: Waiter): void {
    const at = this.waiting.indexOf(waiter);
    if (at < 0) return;
    this.waiting.splice(at, 1);
    waiter.reject(outOfMemory(waiter.byteLength, this.slabs.budgetBytes, 'nothing was freed in time'));
    this.serve();
  }
}

function outOfMemory(byteLength: number, budget: number, why: string): VolleyError {
  return new VolleyError(
    'OUT_OF_MEMORY',
    `no room for ${byteLength} bytes in a memory budget of ${budget} bytes: ${why}. Raise --memory (memoryBytes), or use more, smaller partitions`,
    { byteLength, budget },
  );
}
