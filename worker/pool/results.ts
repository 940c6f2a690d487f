import { assert } from '../../core/base/assert.js';
import type { LaneResult } from '../state/api.js';
import type { Slab } from '../store/slabs.js';
import type { ThreadOutcome, ThreadResults } from './protocol.js';

/** What a thread sent, for the state machine. `publish` hands over the slab a task had asked for. */
export function laneResults(
  results: ThreadResults,
  publish: (position: number) => Slab | null,
): LaneResult[] {
  const { positions, ends, bytes } = results;
  const all: LaneResult[] = [];
  for (let i = 0; i < positions.length; i++) {
    const from = i === 0 ? 0 : ends[i - 1]!;
    const value = bytes.subarray(from, ends[i]!);
    all.push({
      position: positions[i]!,
      durationUs: results.durationUs[i]!,
      rows: results.rows[i]!,
      bytes: value.byteLength,
      inline: value,
      payload: null,
      failure: null,
      system: false,
    });
  }
  for (const outcome of results.others) all.push(otherResult(outcome, publish));
  return all;
}

function otherResult(outcome: ThreadOutcome, publish: (position: number) => Slab | null): LaneResult {
  const { position, durationUs } = outcome;
  const base = { position, durationUs, inline: null };
  if (outcome.kind === 'failed') {
    return { ...base, rows: 0, bytes: 0, payload: null, failure: outcome.failure, system: outcome.system };
  }
  let slab: Slab | null = null;
  if (outcome.bytes === null) {
    slab = publish(position);
    assert(slab !== null, 'a stored result lies in the slab its task asked for');
  }
  let total = 0;
  for (const { header } of outcome.slices) total += header.byteLength;
  const payload = { slab, bytes: outcome.bytes, slices: outcome.slices };
  return { ...base, rows: outcome.rows, bytes: total, payload, failure: null, system: false };
}
