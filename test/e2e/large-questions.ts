import type { DuckDBConnection } from '@duckdb/node-api';
import { col, corr, type DataFrame, type Expr, len, type Session } from '../../index.js';
import type { Chance, LargeColumn, LargeTable } from './large-tables.js';

/** A question to Volley, and the same in SQL. */
export interface LargeQuestion {
  readonly what: string;
  readonly frame: DataFrame;
  readonly sql: string;
  /**
   * What rows are told apart by: the keys of groups, each once, whose other columns may differ in the last digits of floats;
   * 'rows': all of them, in any order; 'order': their places.
   */
  readonly by: readonly string[] | 'rows' | 'order';
}

interface Sides {
  readonly chance: Chance;
  readonly table: LargeTable;
  readonly frame: DataFrame;
  /** Rows of the table that belong, in SQL. */
  readonly from: string;
  readonly what: string;
}

function aggregatesOf({ name, kind, adds }: LargeColumn, other: LargeColumn): [string, Expr, string][] {
  const c = col(name);
  const any: [string, Expr, string][] = [
    ['count', c.count(), `count(${name})`],
    ['nUnique', c.nUnique(), `count(distinct ${name})`],
    ['first', c.first(), `arg_min_null(${name}, n)`],
    ['last', c.last(), `arg_max_null(${name}, n)`],
  ];
  if (kind !== 'bool') any.push(['min', c.min(), `min(${name})`], ['max', c.max(), `max(${name})`]);
  const sum = kind === 'int' || kind === 'bool' ? `sum(${name}::bigint)::bigint` : `sum(${name})`;
  const numbers = kind === 'int' || kind === 'float' || kind === 'bool' || kind === 'decimal';
  if (adds && (numbers || kind === 'strange')) {
    const add: [string, Expr, string] = ['sum', c.sum(), `coalesce(${sum}, 0)`];
    any.push(add, add, add, ['mean', c.mean(), `avg(${name}::${kind === 'bool' ? 'integer' : 'double'})`]);
  }
  if (!adds || !numbers) return any;
  any.push([
    'median',
    c.median(),
    `quantile_cont(${name}::${kind === 'bool' ? 'integer::' : ''}double, 0.5)`,
  ]);
  const number = kind === 'bool' ? `${name}::integer` : `${name}::double`;
  any.push(['var', c.var(), `var_samp(${number})`], ['std', c.std(), `stddev_samp(${number})`]);
  if (other.adds && (other.kind === 'int' || other.kind === 'float')) {
    any.push(['corr', corr(name, other.name), `corr(${number}, ${other.name}::double)`]);
  }
  return any;
}

function someAggregates({ chance, table }: Sides, inOrder: boolean): { exprs: Expr[]; sql: string[] } {
  const columns = [...table.values, ...table.keys.filter(key => key.kind !== 'bool')];
  const [exprs, sql]: [Expr[], string[]] = [[], []];
  // Simple ones alone take other ways than those beside a median.
  const simple = chance.below(2) === 0 ? ['sum', 'mean', 'min', 'max', 'count'] : null;
  for (const column of chance.some(columns, 4)) {
    const known = aggregatesOf(column, chance.pick(table.values));
    const list = known.filter(([op]) => {
      return simple === null ? inOrder || !['first', 'last'].includes(op) : simple.includes(op);
    });
    if (list.length === 0) continue;
    for (const [op, expr, text] of chance.some(list, 3)) {
      const name = `${op}_${column.name}_${sql.length}`;
      exprs.push(expr.alias(name));
      sql.push(`${text} as ${name}`);
    }
  }
  if (sql.length === 0 || chance.below(3) === 0) {
    exprs.push(len().alias('len'));
    sql.push('count(*) as len');
  }
  return { exprs, sql };
}

/** Groups that different loops make: by the number of cells, the bytes of a key, and what is added up beside what. */
export function narrowQuestions(
  { keys, values }: LargeTable,
  frame: DataFrame,
  what: string,
): LargeQuestion[] {
  const columns = new Map([...keys, ...values].map(column => [column.name, column]));
  const ask = (
    by: readonly string[],
    list: readonly string[],
    where: [Expr, string] | null = null,
  ): LargeQuestion => {
    const known = list.map(text => {
      const [op, name] = text.split(' ') as [string, string];
      const column = columns.get(name)!;
      const [, expr, sql] = aggregatesOf(column, column).find(([each]) => each === op)!;
      return { expr: expr.alias(`${op}_${name}`), sql: `${sql} as ${op}_${name}` };
    });
    const sql = known.map(each => each.sql);
    return {
      what: `${what}: by ${by}: ${list}`,
      frame: (where === null ? frame : frame.filter(where[0]))
        .groupBy(...by)
        .agg(...known.map(({ expr }) => expr)),
      sql: `select ${[...by, ...sql]} from t ${where === null ? '' : `where ${where[1]}`} group by ${by}`,
      by,
    };
  };
  return [
    ask(['g'], ['sum a', 'sum x']),
    ask(['g'], ['sum a', 'count b', 'mean c', 'max a', 'min x'], [col('a').gt(-50), 'a > -50']),
    ask(['h'], ['sum a', 'sum b', 'mean c', 'mean a']),
    ask(['s'], ['sum a', 'sum y', 'count y', 'max b']),
    ask(['g', 'h'], ['sum b', 'sum c', 'sum x']),
    ask(['far', 'near', 'g'], ['sum a', 'count b']),
  ];
}

/** A condition that some rows meet, of any column. */
function condition(table: LargeTable, chance: Chance): [Expr, string] {
  const { name, kind } = chance.pick([...table.values, ...table.keys]);
  const c = col(name);
  switch (kind) {
    case 'bool':
      return [c.eq(true), name];
    case 'text':
      return chance.pick<[Expr, string]>([
        [c.gt('k'), `${name} > 'k'`],
        [c.isIn(['t1', 't2', 'key 1', 'key 7']), `${name} in ('t1', 't2', 'key 1', 'key 7')`],
      ]);
    case 'int': {
      const bound = chance.pick([-50, 0, 7, 40, 150, 3000]);
      return chance.pick<[Expr, string]>([
        [c.gt(bound), `${name} > ${bound}`],
        [c.ltEq(bound), `${name} <= ${bound}`],
        [c.neq(bound), `${name} <> ${bound}`],
        [c.isBetween(-20, 60), `${name} between -20 and 60`],
      ]);
    }
    case 'float':
    case 'strange':
      return chance.pick<[Expr, string]>([
        [c.lt(2.5), `${name} < 2.5`],
        [c.gtEq(0), `${name} >= 0`],
      ]);
    default:
      return [c.isNotNull(), `${name} is not null`];
  }
}

function filtered(sides: Sides): Sides {
  const { chance, table, frame, from, what } = sides;
  if (chance.below(2) === 0) return sides;
  let [mine, theirs] = condition(table, chance);
  if (chance.below(3) === 0) {
    const [more, sql] = condition(table, chance);
    [mine, theirs] = [mine.and(more), `${theirs} and ${sql}`];
  }
  return {
    ...sides,
    frame: frame.filter(mine),
    from: `${from} where ${theirs}`,
    what: `${what} where ${theirs}`,
  };
}

function groupBy(sides: Sides, frame: DataFrame, how: string): LargeQuestion {
  const { chance, table, from, what } = sides;
  const keys = chance.some(table.keys, chance.pick([1, 1, 2, 4])).map(key => key.name);
  // Rows that were dealt out have no order of old.
  const { exprs, sql } = someAggregates(sides, how === 'group');
  return {
    what: `${what}: ${how} by ${keys}: ${sql}`,
    frame: frame.groupBy(...keys).agg(...exprs),
    sql: `select ${[...keys, ...sql]} from ${from} group by ${keys}`,
    by: keys,
  };
}

function repartitioned(sides: Sides): LargeQuestion {
  const { chance, table, frame } = sides;
  const by = chance.some(table.keys, 2).map(key => key.name);
  const n = chance.pick([undefined, 3, 16]);
  return groupBy(sides, frame.repartition({ by, ...(n && { n }) }), `repartition ${by}, ${n}`);
}

/** The other side has some of the keys of this one, twice in part, and a number beside each. */
function joined(sides: Sides, session: Session, other: (sql: string) => Promise<string>) {
  return async (): Promise<LargeQuestion> => {
    const { chance, table, from, what } = sides;
    const keys = chance.some(table.keys, 2).map(key => key.name);
    const how = chance.pick(['inner', 'left', 'semi', 'anti', 'full'] as const);
    const rest = chance.some(table.values, 3).map(({ name }) => name);
    const hash = `hash(${keys.map(k => `${k}::varchar`)})`;
    const share = chance.pick([1, 2, 4]);
    const distinct = `(select distinct ${keys} from t where ${hash} % ${share} = 0 order by ${keys} limit 150000)`;
    const twice = chance.below(3) === 0 ? 1 : 0;
    const path = await other(
      `create or replace table u as select ${keys}, (${hash} % 1000)::integer as w from ${distinct}, range(${1 + twice})`,
    );
    let right = session.scanParquet(path);
    if (chance.below(2) === 0) right = session.fromArrow(await right.collect(), { partitions: 3 });
    const frame = sides.frame.join(right, { on: keys, how });
    const on = keys.map(k => `l.${k} = u.${k}`).join(' and ');
    const l = `(select * from ${from}) l`;
    const half = how === 'semi' || how === 'anti';
    const names = [
      ...keys.map(k => (how === 'full' ? `coalesce(l.${k}, u.${k}) as ${k}` : `l.${k}`)),
      ...rest,
    ];
    const whole = `select ${[...names, 'n', ...(half ? [] : ['w'])]} from ${l} ${how} join u on ${on}`;
    const title = `${what}: ${how} join on ${keys} (1/${share}, ${1 + twice})`;
    if (chance.below(2) === 0) {
      return {
        what: title,
        frame: frame.select(...keys, ...rest, 'n', ...(half ? [] : ['w'])),
        sql: whole,
        by: 'rows',
      };
    }
    const sum = half ? col('n').sum() : col('w').sum();
    return {
      what: `${title}, then groups`,
      frame: frame.groupBy(keys[0]!).agg(sum.alias('sum'), len().alias('len')),
      sql: `select ${keys[0]}, coalesce(sum(${half ? 'n' : 'w'}), 0)::bigint as sum, count(*) as len from (${whole}) group by 1`,
      by: [keys[0]!],
    };
  };
}

function sorted({ chance, table, frame, from, what }: Sides): LargeQuestion {
  const by = chance
    .some(
      [...table.keys, ...table.values].filter(c => c.kind !== 'bool'),
      3,
    )
    .map(c => c.name);
  const [descending, nullsLast] = [by.map(() => chance.below(2) === 0), by.map(() => chance.below(2) === 0)];
  const limit = chance.pick([null, 10, 1000]);
  const order = by.map(
    (k, i) => `${k} ${descending[i] ? 'desc' : 'asc'} nulls ${nullsLast[i] ? 'last' : 'first'}`,
  );
  const rest = chance.some([...table.keys, ...table.values], 4).map(c => c.name);
  const names = [...new Set([...by, ...rest]), 'n'];
  const all = frame.sort({ by, descending, nullsLast });
  const mine = limit === null ? all : all.head(limit);
  return {
    what: `${what}: sort ${order} limit ${limit}`,
    frame: mine.select(...names),
    sql: `select ${names} from ${from} order by ${[...order, 'n']} ${limit === null ? '' : `limit ${limit}`}`,
    by: 'order',
  };
}

function top({ chance, table, frame, from, what }: Sides): LargeQuestion {
  const by = chance
    .some(
      [...table.keys, ...table.values].filter(c => c.kind !== 'bool'),
      2,
    )
    .map(c => c.name);
  const k = chance.pick([1, 10, 500, 20_000]);
  return {
    what: `${what}: top ${k} by ${by}`,
    frame: frame.topK(k, { by }),
    sql: `select * from ${from} order by ${by.map(name => `${name} desc nulls last`)}, n limit ${k}`,
    by: 'order',
  };
}

function unique({ chance, table, frame, from, what }: Sides): LargeQuestion {
  const on = chance.some(table.keys, chance.pick([1, 1, 3])).map(key => key.name);
  const keep = chance.pick(['first', 'last', 'none', 'any'] as const);
  const partition = `(partition by ${on})`;
  const which = { first: 'n = min(n) over', last: 'n = max(n) over', none: 'count(*) over', any: '' }[keep];
  const names = keep === 'any' ? on : [...on, 'n', table.values[0]!.name, table.values[1]!.name];
  const sql =
    keep === 'any'
      ? `select distinct ${on} from ${from}`
      : `select ${names} from ${from} qualify ${which} ${partition}${keep === 'none' ? ' = 1' : ''}`;
  const title = `${what}: unique on ${on} keep ${keep}`;
  return { what: title, frame: frame.unique({ on, keep }).select(...names), sql, by: 'rows' };
}

/** @param other makes the table of the other side of a join, and gives the path of its file */
export async function largeQuestion(
  chance: Chance,
  session: Session,
  table: LargeTable,
  source: DataFrame,
  what: string,
  other: (sql: string) => Promise<string>,
): Promise<LargeQuestion> {
  const sides = filtered({ chance, table, frame: source, from: 't', what });
  const grouped = () => groupBy(sides, sides.frame, 'group');
  const choices = [grouped, grouped, grouped, grouped, grouped, grouped];
  const others = [() => repartitioned(sides), () => sorted(sides), () => top(sides), () => unique(sides)];
  const join = joined(sides, session, other);
  return chance.pick<() => LargeQuestion | Promise<LargeQuestion>>([...choices, ...others, join, join])();
}

/** The first rows in which Volley's answer, a Parquet file, is not DuckDB's; none if they are equal. */
export async function differences(
  db: DuckDBConnection,
  question: LargeQuestion,
  path: string,
): Promise<unknown[]> {
  const rows = async (sql: string) => (await db.runAndReadAll(sql)).getRowsJS();
  await db.run(`create or replace table mine as from read_parquet('${path}')`);
  await db.run(`create or replace table theirs as ${question.sql}`);
  const counts = await rows('select (select count(*) from mine), (select count(*) from theirs)');
  if (counts[0]![0] !== counts[0]![1]) return [`rows: ${counts[0]![0]}, not ${counts[0]![1]}`];
  if (question.by === 'rows') {
    const [mine, theirs] = [
      ['mine', 'theirs'],
      ['theirs', 'mine'],
    ].map(([a, b]) => `from ${a} except all from ${b}`);
    return [...(await rows(`(${mine}) limit 3`)), ...(await rows(`(${theirs}) limit 3`))];
  }
  const types = await rows(`select column_name, column_type from (describe mine)`);
  const keys = question.by;
  const same = types.map(([name, type]) => {
    const [a, b] = [`m."${name}"`, `t."${name}"`];
    const equal = `${a} is not distinct from ${b}`;
    if (keys === 'order' || keys.includes(String(name)) || type !== 'DOUBLE') return equal;
    const slack = /^(var|std|corr)/.test(String(name)) ? 1e-6 : 1e-9;
    return `(${equal} or abs(${a} - ${b}) <= ${slack} * greatest(1, abs(${b})))`;
  });
  const on =
    keys === 'order' ? '' : `on ${keys.map(k => `m.${k} is not distinct from t.${k}`).join(' and ')}`;
  const join = keys === 'order' ? 'positional join' : 'full join';
  const both = `(select *, 1 as _ from mine) m ${join} (select *, 1 as _ from theirs) t ${on}`;
  return rows(
    `select * from ${both} where m._ is null or t._ is null or not (${same.join(' and ')}) limit 4`,
  );
}
