import type { TaskRange } from '../../core/base/ids.js';
import type { Dependency } from '../../core/graph/layer.js';
import { findLayer } from './cluster.js';
import type { Cluster, Layer, Link, Span } from './model.js';
import { none } from './slots.js';

type Explicit = Extract<Dependency, { rule: 'explicit' }>;

/**
 * Finds the sources of a dependency and registers the reader with them. False when the range names tasks the head does
 * not know (released, or never submitted): then nothing is registered. An unknown source of rule 'explicit' is `none`.
 */
export function resolve(cluster: Cluster, reader: Layer, dependency: Dependency): boolean {
  if (dependency.rule === 'explicit') {
    register(explicitLink(cluster, reader, dependency));
    return true;
  }
  const parts = partsOf(cluster, dependency.from);
  if (parts === null) return false;
  const link: Link = {
    rule: dependency.rule,
    reader,
    spans: [],
    entries: dependency.from.count,
    offsets: dependency.rule === 'group' ? dependency.offsets : null,
    sources: null,
    sortedSources: null,
    sortedReaders: null,
    missing: 0,
  };
  for (const part of parts) link.spans.push({ link, ...part });
  register(link);
  return true;
}

/** Undoes `resolve`. */
export function unlink(link: Link): void {
  for (const span of link.spans) span.source.readers.delete(span);
}

function register(link: Link): void {
  link.reader.links.push(link);
  for (const span of link.spans) {
    span.source.readers.add(span);
    if (span.source !== link.reader) {
      link.reader.depth = Math.max(link.reader.depth, span.source.depth + 1);
    }
  }
}

/** The layers a range of tasks covers, without a gap; null when some are unknown. */
function partsOf(cluster: Cluster, range: TaskRange): Omit<Span, 'link'>[] | null {
  const job = cluster.jobs.get(range.job);
  const parts: Omit<Span, 'link'>[] = [];
  for (let done = 0; done < range.count; ) {
    const source = findLayer(job, range.first + done);
    if (source === null) return null;
    const from = range.first + done - source.first;
    const count = Math.min(source.count - from, range.count - done);
    parts.push({ source, from, count, at: done });
    done += count;
  }
  return parts;
}

function explicitLink(cluster: Cluster, reader: Layer, dependency: Explicit): Link {
  const { offsets, jobs, indices } = dependency;
  const edges = indices.length;
  const sources = new Uint32Array(edges);
  const bounds = new Map<Layer, { low: number; high: number }>();
  let layer: Layer | null = null;
  for (let edge = 0; edge < edges; edge++) {
    const index = indices[edge]!;
    if (
      layer === null ||
      layer.job.id !== jobs[edge] ||
      index < layer.first ||
      index >= layer.first + layer.count
    ) {
      layer = findLayer(cluster.jobs.get(jobs[edge]!), index);
    }
    if (layer === null) {
      sources[edge] = none;
      continue;
    }
    const position = index - layer.first;
    sources[edge] = layer.slot + position;
    const bound = bounds.get(layer);
    if (bound === undefined) bounds.set(layer, { low: position, high: position });
    else {
      bound.low = Math.min(bound.low, position);
      bound.high = Math.max(bound.high, position);
    }
  }
  const spans: Span[] = [];
  const link: Link = {
    rule: 'explicit',
    reader,
    spans,
    entries: edges,
    offsets,
    sources,
    ...reverse(offsets, sources),
    missing: 0,
  };
  for (const [source, { low, high }] of bounds) {
    spans.push({ link, source, from: low, count: high - low + 1, at: 0 });
  }
  return link;
}

/** Edges by source, so that the readers of a source are found by binary search. */
function reverse(offsets: Uint32Array, sources: Uint32Array): Pick<Link, 'sortedSources' | 'sortedReaders'> {
  const edges = sources.length;
  const readers = new Uint32Array(edges);
  for (let reader = 0; reader + 1 < offsets.length; reader++)
    readers.fill(reader, offsets[reader], offsets[reader + 1]);
  if (isSorted(sources)) return { sortedSources: sources, sortedReaders: readers };
  const order = new Uint32Array(edges);
  if (edges <= 2 ** 21) {
    // source * edges + edge stays below 2^53, and numbers sort faster than a comparator does.
    const keys = new Float64Array(edges);
    for (let edge = 0; edge < edges; edge++) keys[edge] = sources[edge]! * edges + edge;
    keys.sort();
    for (let at = 0; at < edges; at++) order[at] = keys[at]! % edges;
  } else {
    for (let edge = 0; edge < edges; edge++) order[edge] = edge;
    order.sort((a, b) => sources[a]! - sources[b]! || a - b);
  }
  return {
    sortedSources: order.map(edge => sources[edge]!),
    sortedReaders: order.map(edge => readers[edge]!),
  };
}

function isSorted(values: Uint32Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) return false;
  return true;
}
