import type { RepartitionPlan } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { coalescedMap } from './coalesce.js';
import { fanOutFor } from './constants.js';
import {
  asLayer,
  bytesOf,
  overLayer,
  type Pipeline,
  perPartition,
  shuffleRows,
  submitPipeline,
} from './pipeline.js';
import { sumOf } from './stage.js';

/**
 * Rows dealt out by the values of keys, or cut into runs of equal length in their order: for that their numbers have to
 * be known, so the rows become a layer first.
 */
export async function buildRepartition(
  { n, by }: RepartitionPlan,
  input: Pipeline,
  { runner, options }: BuildContext,
): Promise<Pipeline> {
  const fanOut = n ?? fanOutFor(await input.bytesIn(), options);
  if (by.length > 0) return shuffleRows(runner, await coalescedMap(input, options), by, fanOut);
  const layer = asLayer(runner, input);
  const { rows } = await layer.stats();
  let before = 0;
  const starts = Array.from(rows, count => {
    before += count;
    return before - count;
  });
  const sink = { kind: 'cut', starts, total: sumOf(rows), fanOut } as const;
  const cut = submitPipeline(runner, perPartition(layer), sink);
  return overLayer({ rule: 'all-to-all', from: cut.range }, cut.schema, fanOut, bytesOf(cut));
}
