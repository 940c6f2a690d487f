import type { SamplePlan } from '../plan/plan.js';
import { columnNode } from '../plan/plan.js';
import type { BuildContext } from './build.js';
import { asLayer, gather, type Pipeline, perPartition, withOp } from './pipeline.js';
import { sumOf } from './stage.js';

/** A name no user column has. */
const RANDOM = '\u0000random';

/**
 * Each row gets a random number; the rows with the smallest are kept, in its order. A share of the rows is first
 * measured: the rows become a layer, so that they are made once.
 */
export async function buildSample(
  plan: SamplePlan,
  input: Pipeline,
  { runner }: BuildContext,
): Promise<Pipeline> {
  let source = input;
  let { n } = plan;
  if (n === null) {
    const layer = asLayer(runner, input);
    n = Math.floor(sumOf((await layer.stats()).rows) * plan.fraction!);
    source = perPartition(layer);
  }
  const numbered = withOp(source, { kind: 'number', name: RANDOM, seed: plan.seed }, [
    ...plan.schema,
    { name: RANDOM, type: { kind: 'float64' } },
  ]);
  const by = [{ column: RANDOM, descending: false, nullsLast: true }];
  const sort = { kind: 'sort', by, limit: n } as const;
  const local = withOp(numbered, sort, numbered.schema);
  const chosen = local.tasks === 1 ? local : withOp(gather(runner, local), sort, numbered.schema);
  const columns = plan.schema.map(({ name }) => ({ name, expr: columnNode(name) }));
  return withOp(chosen, { kind: 'project', columns }, plan.schema);
}
