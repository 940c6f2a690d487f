import type { FragmentOp } from '../physical/fragment.js';
import { frequentSchema } from '../physical/schema.js';
import type { JoinPlan } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { planConstants } from './constants.js';
import { fetchAll } from './fetch.js';
import { type Pipeline, stageOf } from './pipeline.js';
import type { StageRunner } from './stage.js';
import { tasksOf } from './survey.js';

/**
 * Hashes of keys of which the probe side of a shuffled join has more rows than one of `fanOut` destinations should have:
 * their probe rows are dealt over all, and their build rows sent to all. Sought in the first rows of tasks spread over
 * the side: a function of the data alone. Build rows that nothing matched must be told once, so that right and full
 * joins have none; nor have keys so frequent in the build side that copying it would double it.
 */
export async function skewedHashes(
  { how, leftOn, rightOn }: JoinPlan,
  left: Pipeline,
  right: Pipeline,
  fanOut: number,
  { runner }: BuildContext,
): Promise<readonly number[]> {
  if (how === 'right' || how === 'full' || fanOut === 1 || !runner.measures) return [];
  const probe = await frequentKeys(left, leftOn, runner);
  const found = [...(probe ?? [])].filter(([, share]) => share * fanOut > 1);
  if (found.length === 0) return [];
  const build = await frequentKeys(right, rightOn, runner);
  if (build === null) return [];
  const hashes: number[] = [];
  let copied = 0;
  for (const [hash] of found.sort(([, a], [, b]) => b - a)) {
    const more = (build.get(hash) ?? 0) * (fanOut - 1);
    if (copied + more > 1) continue;
    copied += more;
    hashes.push(hash);
  }
  return hashes;
}

/** The share of rows that each frequent hash has. null: the pipeline has no tasks to look at before it is run. */
async function frequentKeys(
  pipeline: Pipeline,
  keys: readonly string[],
  runner: StageRunner,
): Promise<Map<number, number> | null> {
  const { surveyRows, skewTasks, maxFanOut } = planConstants;
  const count = Math.min(skewTasks, pipeline.tasks);
  const which = Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * pipeline.tasks) / count));
  const some = tasksOf(pipeline, which);
  if (some === null) return null;
  const first: FragmentOp = { kind: 'limit', n: surveyRows, offset: 0 };
  const ops: FragmentOp[] = [first, ...some.ops, { kind: 'frequent', keys, most: maxFanOut }];
  const stage = stageOf({ ...some, ops, schema: frequentSchema }, { kind: 'partition' });
  const layer = runner.submit({ ...stage, readAgain: true }, frequentSchema);
  const counts = new Map<number, number>();
  let rows = 0;
  for (const batch of await fetchAll(layer)) {
    const [hashes, each] = batch.columns.map(column => column.values as Float64Array);
    rows += each![0]!;
    for (let k = 1; k < batch.rows; k++) counts.set(hashes![k]!, (counts.get(hashes![k]!) ?? 0) + each![k]!);
  }
  return new Map([...counts].map(([hash, number]) => [hash, number / rows]));
}
