import type { InputTable } from '../../core/wire/messages.js';
import { indexOf, layerOf } from './cluster.js';
import { eachSpanSource, entriesOf, sourceAt } from './links.js';
import type { Cluster, Link } from './model.js';

/** Every task reads all entries ('all'), or its slice of each ('all-to-all'). */
export function sharedTable(cluster: Cluster, link: Link): InputTable {
  const sources: number[] = [];
  eachSpanSource(link, source => sources.push(source));
  return describe(cluster, sources, null, link.rule === 'all-to-all');
}

/** Entries of the tasks at these positions, one task after another. */
export function pointTable(cluster: Cluster, link: Link, positions: readonly number[]): InputTable {
  const sources: number[] = [];
  const offsets = new Uint32Array(positions.length + 1);
  for (let i = 0; i < positions.length; i++) {
    const [from, to] = entriesOf(link, positions[i]!);
    for (let entry = from; entry < to; entry++) sources.push(sourceAt(link, entry));
    offsets[i + 1] = sources.length;
  }
  return describe(cluster, sources, offsets, false);
}

function describe(
  cluster: Cluster,
  sources: readonly number[],
  offsets: Uint32Array | null,
  sliced: boolean,
): InputTable {
  const slots = cluster.slots;
  const count = sources.length;
  const jobs = new Uint32Array(count);
  const indices = new Uint32Array(count);
  const bytes = new Float64Array(count);
  const rows = new Float64Array(count);
  const holderOffsets = new Uint32Array(count + 1);
  const holders: number[] = [];
  let inline: (Uint8Array | null)[] | null = null;
  for (let entry = 0; entry < count; entry++) {
    const source = sources[entry]!;
    const layer = layerOf(cluster, source);
    jobs[entry] = layer.job.id;
    indices[entry] = indexOf(layer, source);
    bytes[entry] = slots.bytes[source]!;
    rows[entry] = slots.rows[source]!;
    const payload = cluster.payloads.get(source);
    if (payload !== undefined) {
      inline ??= new Array(count).fill(null);
      inline[entry] = payload;
    }
    if (slots.holder[source] !== 0) {
      holders.push(slots.holder[source]!);
      const more = slots.moreHolders.size > 0 ? slots.moreHolders.get(source) : undefined;
      if (more !== undefined) holders.push(...more);
    }
    holderOffsets[entry + 1] = holders.length;
  }
  return {
    sliced,
    offsets,
    jobs,
    indices,
    bytes,
    rows,
    holderOffsets,
    holders: Uint32Array.from(holders),
    inline,
  };
}
