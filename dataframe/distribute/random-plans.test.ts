import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { batchesToRecords } from '../column/records.js';
import type { DataFrame } from '../frame.js';
import { optimize } from '../optimizer/optimize.js';
import { explainPlan } from '../plan/explain.js';
import { InlineExecutor } from '../testing/inline-executor.js';
import { RandomPlans } from '../testing/random-plans.js';
import type { PlanOptions } from './constants.js';
import { fetchAll } from './fetch.js';
import { openRun, runPlan } from './run.js';

const SEED = 7_460;
const PLANS = 80;

const executor = new InlineExecutor();

async function answer(frame: DataFrame, optimized: boolean, options: PlanOptions): Promise<string[]> {
  const { runner, analyzed } = await openRun(frame.verb, executor, 'answer');
  try {
    const layer = await runPlan(optimized ? optimize(analyzed) : analyzed, runner, options);
    const rows = batchesToRecords(analyzed.schema, await fetchAll(layer));
    return rows.map(row => JSON.stringify(row)).sort();
  } finally {
    runner.close();
  }
}

async function planOf(frame: DataFrame): Promise<string> {
  const { runner, analyzed } = await openRun(frame.verb, executor, 'plan');
  runner.close();
  return `${explainPlan(analyzed)}\nbecame\n${explainPlan(optimize(analyzed))}`;
}

test('the rules change no answer', async () => {
  console.log(`seed ${SEED}`);
  const plans = new RandomPlans({ executor }, seededRng(SEED));
  for (let i = 0; i < PLANS; i++) {
    const frame = plans.next();
    const asked = await answer(frame, false, {});
    const optimized = await answer(frame, true, {});
    expect(optimized, `plan ${i} of seed ${SEED}:\n${await planOf(frame)}`).toEqual(asked);
  }
});

test('an answer is the same each time it is asked for', async () => {
  console.log(`seed ${SEED + 1}`);
  const plans = new RandomPlans({ executor }, seededRng(SEED + 1));
  for (let i = 0; i < PLANS / 4; i++) {
    const frame = plans.next().with({ fanOut: 3, broadcastBytes: 0 });
    const rows = await frame.toRecords();
    expect(await frame.toRecords(), `plan ${i} of seed ${SEED + 1}:\n${await planOf(frame)}`).toEqual(rows);
  }
});
