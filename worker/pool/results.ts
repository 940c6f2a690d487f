import { assert } from '../../core/base/assert.js';
import type { LaneResult } from '../state/api.js';
import type { Slab } from '../store/slabs.js';
import type { ThreadOutcome, ThreadResults } from './protocol.js';

/** What a thread sent, for the state machine. `publish` hands over the slab a task has, cut to the bytes it used. */
export function laneResults(
  results: ThreadResults,
  publish: (position: number, byteLength: number) => Slab | null,
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
      lost: null,
    });
  }
  for (const outcome of results.others) all.push(otherResult(outcome, publish));
  return all;
}

function otherResult(
  outcome: ThreadOutcome,
  publish: (position: number, byteLength: number) => Slab | null,
): LaneResult {
  const { position, durationUs } = outcome;
  if (outcome.kind === 'failed') {
    const { failure, system, lost } = outcome;
    return { position, durationUs, rows: 0, bytes: 0, inline: null, payload: null, failure, system, lost };
  }
  const { rows, bytes, slices } = outcome;
  let total = 0;
  let end = 0;
  for (const { header, offset } of slices) {
    total += header.byteLength;
    end = Math.max(end, offset + header.byteLength);
  }
  let slab: Slab | null = null;
  if (bytes === null) {
    slab = publish(position, end);
    assert(slab !== null, 'a stored result lies in the slab its task asked for, or was given');
  }
  const payload = { slab, bytes, slices };
  return {
    position,
    durationUs,
    rows,
    bytes: total,
    inline: null,
    payload,
    failure: null,
    system: false,
    lost: null,
  };
}
