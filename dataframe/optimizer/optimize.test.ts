import { expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { col, len } from '../expr/expr.js';
import { limitPlan, pickColumns } from '../plan/plan.js';
import { analyzed, planText, pretendFrame } from '../testing/pretend.js';
import { optimize, rules } from './optimize.js';

const flights = pretendFrame('flights', [
  { name: 'delay', type: DataType.Int16 },
  { name: 'distance', type: DataType.Int32 },
  { name: 'origin', type: DataType.Utf8 },
  { name: 'destination', type: DataType.Utf8 },
]);
const airports = pretendFrame('airports', [
  { name: 'iata', type: DataType.Utf8 },
  { name: 'state', type: DataType.Utf8 },
  { name: 'city', type: DataType.Utf8 },
]);

const query = flights
  .join(airports, { leftOn: 'origin', rightOn: 'iata' })
  .filter(col('delay').gt(30).and(col('state').neq('NV')))
  .groupBy('state')
  .agg(col('delay').mean().alias('mean'), len().alias('flights'))
  .sort({ by: 'mean', descending: true })
  .head(10);

test('a whole query ends where it should', () => {
  expect(planText(query, ...rules)).toBe(
    [
      'SORT mean desc top 10',
      '  AGGREGATE by [state]: mean = mean(delay), flights = len()',
      '    PROJECT state, delay',
      '      JOIN inner on origin = iata take [state]',
      '        FILTER (delay > 30)',
      '          SCAN parquet flights 2/4 columns [delay, origin], 2 splits where (delay > 30)',
      '        FILTER (state != "NV")',
      '          SCAN parquet airports 2/3 columns [iata, state], 2 splits where (state != "NV")',
    ].join('\n'),
  );
});

test('an optimized plan does not change again, and is the same object', () => {
  const once = optimize(analyzed(query));
  expect(optimize(once)).toBe(once);
});

test('a rule that changes the schema is named', () => {
  const bad = {
    name: 'drop-a-column',
    apply: (p: ReturnType<typeof analyzed>) => pickColumns(p, ['origin']),
  };
  expect(() => optimize(analyzed(flights), [bad])).toThrow(/rule drop-a-column changed the schema/);
});

test('rules that never agree are ended', () => {
  let flips = 0;
  const restless = {
    name: 'restless',
    apply: (p: ReturnType<typeof analyzed>) => limitPlan(p.kind === 'limit' ? p.input : p, flips++),
  };
  optimize(analyzed(flights), [restless]);
  expect(flips).toBeLessThan(20);
});
