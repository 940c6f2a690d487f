import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { DataType } from '../column/datatype.js';
import type { ExprNode } from '../expr/node.js';
import { type MemoryTable, noFacts } from '../plan/memory-table.js';
import { memoryPlan, type Plan } from '../plan/plan.js';
import type { Verb } from '../plan/verb.js';
import { knownPlan, placeOf, rememberPlan } from './known-plans.js';

const schema = [{ name: 'a', type: DataType.Int32 }];

function table(): MemoryTable {
  const nothing = async () => ({
    range: { job: 1, first: 0, count: 1 } as never,
    rows: new Float64Array(1),
    bytes: new Float64Array(1),
    facts: noFacts(),
    fetch: () => Promise.reject(new Error('not asked for')),
  });
  return { name: 'test', schema: async () => schema, open: nothing, evict: () => {} };
}

const literal = (value: number | bigint): ExprNode => ({ kind: 'literal', value, type: DataType.Int64 });
const above = (input: Verb, value: number | bigint): Verb => ({
  kind: 'filter',
  input,
  predicate: { kind: 'call', fn: 'gt', args: [{ kind: 'column', name: 'a' }, literal(value)] },
});

const remember = (verb: Verb, plan: Plan) => rememberPlan(placeOf(verb)!, plan);
const known = (verb: Verb) => knownPlan(placeOf(verb)!);

test('the plan of equal verbs over the same table is found, of no others', () => {
  const [one, other] = [table(), table()];
  const plan = memoryPlan(one, schema, ['a']);
  remember(above({ kind: 'memory', table: one }, 1), plan);
  expect(known(above({ kind: 'memory', table: one }, 1))).toBe(plan);
  expect(known(above({ kind: 'memory', table: one }, 2))).toBe(null);
  expect(known(above({ kind: 'memory', table: other }, 1))).toBe(null);
  expect(known({ kind: 'limit', input: above({ kind: 'memory', table: one }, 1), n: 1, offset: 0 })).toBe(
    null,
  );
});

test('what may differ from time to time, or has no text, has no place', () => {
  const memory: Verb = { kind: 'memory', table: table() };
  expect(placeOf(above(memory, 1n))).toBe(null);
  expect(placeOf(above(memory, Number.NaN))).toBe(null);
  expect(placeOf(above(memory, -0))).toBe(null);
  expect(placeOf({ kind: 'rename', input: memory, names: new Map([['a', 'b']]) })).toBe(null);
  expect(placeOf({ kind: 'concat', inputs: [memory, memory], how: 'vertical' })).toBe(null);
  expect(placeOf({ kind: 'drop', input: memory, names: ['x'.repeat(limits.knownPlanChars)] })).toBe(null);
  const pivot = { index: [], on: 'a', values: [], aggregate: 'sum', onValues: null } as const;
  expect(placeOf({ kind: 'pivot', input: memory, ...pivot })).toBe(null);
});

test('the plan that was not asked for longest goes first', () => {
  const memory: Verb = { kind: 'memory', table: table() };
  const plan = memoryPlan(table(), schema, ['a']);
  for (let k = 0; k < limits.knownPlans; k++) remember(above(memory, k), plan);
  expect(known(above(memory, 0))).toBe(plan);
  remember(above(memory, limits.knownPlans), plan);
  expect(known(above(memory, 0))).toBe(plan);
  expect(known(above(memory, 1))).toBe(null);
});
