import { assertNever } from '../../core/base/assert.js';
import { layerOf } from './cluster.js';
import type { Cluster, Layer, Link } from './model.js';
import { none } from './slots.js';

/**
 * The only place that knows how each dependency rule maps readers to sources and back. A point edge joins one reader
 * to one source; a barrier ('all', 'all-to-all') joins every task of the layer to the whole range.
 */
export function isBarrier(link: Link): boolean {
  return link.rule === 'all' || link.rule === 'all-to-all';
}

/** The slot of entry `entry` of a link. */
export function sourceAt(link: Link, entry: number): number {
  if (link.sources !== null) return link.sources[entry]!;
  for (const span of link.spans) {
    if (entry < span.at + span.count) return span.source.slot + span.from + entry - span.at;
  }
  return none;
}

/** First and last-plus-one entry that the task at `position` reads by a point link. */
export function entriesOf(link: Link, position: number): readonly [number, number] {
  return link.offsets === null
    ? [position, position + 1]
    : [link.offsets[position]!, link.offsets[position + 1]!];
}

/** Visits the sources of one task's point edges. */
export function eachPointSource(layer: Layer, position: number, visit: (source: number) => void): void {
  for (const link of layer.links) {
    if (isBarrier(link)) continue;
    if (link.offsets === null) {
      visit(sourceAt(link, position));
      continue;
    }
    const end = link.offsets[position + 1]!;
    for (let entry = link.offsets[position]!; entry < end; entry++) visit(sourceAt(link, entry));
  }
}

/** Visits the sources of a layer's barriers, once per barrier. */
export function eachBarrierSource(layer: Layer, visit: (source: number) => void): void {
  for (const link of layer.links) if (isBarrier(link)) eachSpanSource(link, visit);
}

/** Visits all sources of a range link in order. */
export function eachSpanSource(link: Link, visit: (source: number) => void): void {
  for (const span of link.spans) {
    const first = span.source.slot + span.from;
    for (let slot = first; slot < first + span.count; slot++) visit(slot);
  }
}

/** Visits those who read a slot: `point` per edge, `barrier` per barrier dependency that covers it. */
export function eachReader(
  cluster: Cluster,
  source: number,
  point: (cluster: Cluster, reader: number, value: number) => void,
  barrier: (cluster: Cluster, link: Link, value: number) => void,
  value: number,
): void {
  const layer = layerOf(cluster, source);
  if (layer.readers.size === 0) return;
  const position = source - layer.slot;
  for (const span of layer.readers) {
    const offset = position - span.from;
    if (offset < 0 || offset >= span.count) continue;
    const link = span.link;
    switch (link.rule) {
      case 'one-to-one':
        point(cluster, link.reader.slot + span.at + offset, value);
        break;
      case 'group': {
        const reader = groupOf(link.offsets!, span.at + offset);
        if (reader >= 0) point(cluster, link.reader.slot + reader, value);
        break;
      }
      case 'explicit': {
        const sorted = link.sortedSources!;
        for (let k = lowerBound(sorted, source); k < sorted.length && sorted[k] === source; k++) {
          point(cluster, link.reader.slot + link.sortedReaders![k]!, value);
        }
        break;
      }
      case 'all':
      case 'all-to-all':
        barrier(cluster, link, value);
        break;
      default:
        assertNever(link.rule);
    }
  }
}

/** The group that entry lies in, or -1. Groups may be empty. */
export function groupOf(offsets: Uint32Array, entry: number): number {
  let low = 0;
  let high = offsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! <= entry) low = middle + 1;
    else high = middle;
  }
  // offsets[low - 1] is the last one at or below the entry.
  return low >= offsets.length ? -1 : low - 1;
}

function lowerBound(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
