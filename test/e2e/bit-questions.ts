import * as arrow from 'apache-arrow';
import { col, type DataFrame, len, type Session } from '../../index.js';

/** Questions whose answers would show any change of the order of additions, of rows, or of ties. */

export interface Question {
  readonly name: string;
  /** Whose alternatives another plan can choose. */
  readonly kinds: readonly ('group' | 'join' | 'sort')[];
  readonly frame: DataFrame;
  /** Columns of variances and correlations: within 2 ulp where another plan was forced; every other bit is equal. */
  readonly close?: readonly string[];
}

/** Numbers in [0, n): the same for the same seed. */
export function numbersBelow(seed: number): (n: number) => number {
  let state = seed;
  return n => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** No sum of them overflows: where it does, what is left depends on the bounds of partitions. */
const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 5e-324, 1e300];

/**
 * Rows whose sums depend on the order of additions: `v` over 20 orders of magnitude, `x` with NaN, infinities and −0,
 * both with nulls; keys `s` (dictionary, one value half of the time, nulls), `g` (int32), `b` (int64 beyond 2^53),
 * `f` (float64 with NaN, both zeros, infinities, nulls); `n` numbers the rows.
 */
function factTable(rows: number): arrow.Table {
  const below = numbersBelow(20_261_127);
  const column = <T>(make: (row: number) => T) => Array.from({ length: rows }, (_, row) => make(row));
  const maybe = <T>(value: T) => (below(12) === 0 ? null : value);
  const hard = () => (below(2 ** 31) / 2 ** 31 - 0.5) * 10 ** (below(20) - 8);
  const { vectorFromArray } = arrow;
  return new arrow.Table({
    n: vectorFromArray(
      column(row => row),
      new arrow.Int32(),
    ),
    s: vectorFromArray(
      column(() => maybe(below(2) === 0 ? 'common' : `é${below(37)}`)),
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
    ),
    g: vectorFromArray(
      column(() => below(900)),
      new arrow.Int32(),
    ),
    b: vectorFromArray(
      column(() => maybe(BigInt(below(300)) * 9_007_199_254_740_993n)),
      new arrow.Int64(),
    ),
    f: vectorFromArray(
      column(() => maybe(below(6) === 0 ? strange[below(strange.length)]! : below(50) / 4)),
      new arrow.Float64(),
    ),
    v: vectorFromArray(
      column(() => maybe(hard())),
      new arrow.Float64(),
    ),
    x: vectorFromArray(
      column(() => maybe(below(9) === 0 ? strange[below(strange.length)]! : hard())),
      new arrow.Float64(),
    ),
  });
}

/** Every key of `g` twice, some absent, with a weight; and the dictionary key under other codes. */
function dimensionTable(): arrow.Table {
  const below = numbersBelow(7);
  const rows = 1400;
  const column = <T>(make: (row: number) => T) => Array.from({ length: rows }, (_, row) => make(row));
  return new arrow.Table({
    g: arrow.vectorFromArray(
      column(row => (row * 7) % 700),
      new arrow.Int32(),
    ),
    s: arrow.vectorFromArray(
      column(() => (below(9) === 0 ? null : `é${below(60)}`)),
      new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32()),
    ),
    w: arrow.vectorFromArray(
      column(() => (below(1000) - 500) / 7),
      new arrow.Float64(),
    ),
  });
}

/** Aggregates whose bits never change. */
const exact = [
  len().alias('rows'),
  col('v').sum().alias('sum'),
  col('v').mean().alias('mean'),
  col('x').sum().alias('xsum'),
  col('x').mean().alias('xmean'),
  col('x').min().alias('min'),
  col('x').max().alias('max'),
  col('v').median().alias('median'),
  col('v').quantile(0.9).alias('q90'),
  col('x').topK(3).alias('top'),
  col('v').bottomK(2).alias('bottom'),
  col('s').max().alias('text'),
  col('f').nUnique().alias('distinct'),
  col('v').filter(col('g').lt(450)).sum().alias('part'),
];
const close = ['var', 'std', 'corr', 'xvar'];
const moments = [
  col('v').var().alias('var'),
  col('v').std().alias('std'),
  col('v').corr(col('n')).alias('corr'),
  col('x').var().alias('xvar'),
];
/** What follows the order of rows. */
const ordered = [col('x').first().alias('first'), col('v').last().alias('last')];

/** All questions over the same 12,000 rows in 9 partitions. */
export async function bitQuestions(session: Session): Promise<Question[]> {
  const facts = await session.fromArrow(factTable(12_000), { partitions: 9 }).persist();
  const weights = await session.fromArrow(dimensionTable(), { partitions: 3 }).persist();
  const grouped = (name: string, ...keys: string[]): Question => ({
    name: `group by ${name}`,
    kinds: ['group'],
    frame: facts.groupBy(...keys).agg(...exact, ...moments, ...ordered),
    close,
  });
  return [
    grouped('a dictionary', 's'),
    grouped('an int32', 'g'),
    grouped('an int64 beyond 2^53', 'b'),
    grouped('a float', 'f'),
    grouped('two keys', 's', 'b'),
    { name: 'no key', kinds: [], frame: facts.select(...exact, ...moments), close },
    {
      name: 'arithmetic',
      kinds: [],
      frame: facts.select(
        'n',
        col('x').sub(col('f')).alias('sub'),
        col('x').div(col('f')).mul(col('v')).alias('div'),
      ),
    },
    { name: 'inner join', kinds: ['join'], frame: facts.join(weights, { on: 'g' }) },
    {
      name: 'left join on text',
      kinds: ['join'],
      frame: facts.filter(col('g').lt(120)).join(weights, { on: ['s', 'g'], how: 'left' }),
    },
    { name: 'full join', kinds: ['join'], frame: facts.join(weights, { on: 'g', how: 'full' }) },
    { name: 'anti join', kinds: ['join'], frame: facts.join(weights, { on: 'g', how: 'anti' }) },
    {
      name: 'join, then group by',
      kinds: ['group', 'join'],
      frame: facts
        .join(weights, { on: 'g' })
        .groupBy('s')
        .agg(...exact, col('w').mul(col('v')).sum().alias('wv'), ...moments),
      close,
    },
    {
      name: 'sort',
      kinds: ['sort'],
      frame: facts.sort({ by: ['f', 's', 'x'], descending: [true, false, true] }),
    },
    {
      name: 'first rows',
      kinds: ['sort'],
      frame: facts.sort({ by: ['x', 'v'], descending: [true, false] }).head(700),
    },
    { name: 'unique', kinds: ['group'], frame: facts.unique({ on: ['f', 's'] }) },
    {
      name: 'group by, then sort',
      kinds: ['group', 'sort'],
      frame: facts
        .filter(col('x').gt(0))
        .groupBy('f')
        .agg(col('v').sum().alias('sum'), col('x').mean().alias('mean'))
        .sort({ by: ['mean', 'f'] }),
    },
  ];
}
