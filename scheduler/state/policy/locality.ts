import { limits } from '../../../core/base/limits.js';
import { eachPointSource, eachSpanSource, isBarrier } from '../links.js';
import type { Cluster, Layer } from '../model.js';
import { none } from '../slots.js';

/** Where the inputs of a task lie. */
export interface Inputs {
  /** Milliseconds it would take to bring what a worker lacks to it. */
  moveMs(worker: number): number;
}

const nothing: Inputs = { moveMs: () => 0 };

/** What every task of a layer reads through barriers; a shuffle's reader takes one slice of each. */
export function sharedInputs(cluster: Cluster, layer: Layer): Inputs {
  if (!layer.links.some(isBarrier)) return nothing;
  const sum = new ByteSum();
  for (const link of layer.links) {
    if (!isBarrier(link)) continue;
    const share = link.rule === 'all-to-all' ? 1 / layer.count : 1;
    eachSpanSource(link, source => sum.add(cluster, source, share));
  }
  return sum;
}

/** What one task reads by itself. */
export function taskInputs(cluster: Cluster, layer: Layer, position: number): Inputs {
  const sum = new ByteSum();
  eachPointSource(layer, position, source => sum.add(cluster, source, 1));
  return sum;
}

class ByteSum implements Inputs {
  private total = 0;
  private readonly held = new Map<number, number>();

  add(cluster: Cluster, source: number, share: number): void {
    const slots = cluster.slots;
    if (source === none || slots.holder[source] === 0) return;
    const bytes = slots.bytes[source]! * share;
    this.total += bytes;
    this.addTo(slots.holder[source]!, bytes);
    for (const holder of slots.moreHolders.get(source) ?? []) this.addTo(holder, bytes);
  }

  moveMs(worker: number): number {
    return (this.total - (this.held.get(worker) ?? 0)) / limits.transferBytesPerMs;
  }

  private addTo(holder: number, bytes: number): void {
    this.held.set(holder, (this.held.get(holder) ?? 0) + bytes);
  }
}
