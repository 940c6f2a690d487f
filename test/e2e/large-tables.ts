import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { numbersBelow } from './bit-questions.js';

/**
 * Random tables of sizes that reach the fast ways: kernels that are called from some thousands of rows on, and ways that
 * depend on the number of groups, on the physical form of columns, and on where the rows come from. DuckDB makes them, by
 * hashes of the row's number, so that a seed is a table.
 */

export type Kind = 'int' | 'float' | 'strange' | 'bool' | 'text' | 'time' | 'decimal';

export interface LargeColumn {
  readonly name: string;
  readonly kind: Kind;
  /** Of `i`, the number of the row from 0. */
  readonly sql: string;
  /** Whether sums of all of its values stay within Int64. */
  readonly adds: boolean;
}

export interface LargeTable {
  readonly rows: number;
  readonly keys: readonly LargeColumn[];
  readonly values: readonly LargeColumn[];
  /** How DuckDB writes it as Parquet. */
  readonly parquet: string;
  readonly partitions: number;
}

export class Chance {
  readonly below: (n: number) => number;
  #salt: number;

  constructor(seed: number) {
    this.below = numbersBelow(seed);
    for (let k = 0; k < 8; k++) this.below(2);
    this.#salt = seed * 1000;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** Some of them, each once. */
  some<T>(choices: readonly T[], most: number): T[] {
    const left = [...choices];
    const count = Math.min(left.length, 1 + this.below(most));
    return Array.from({ length: count }, () => left.splice(this.below(left.length), 1)[0]!);
  }

  /** A hash of the row in SQL, unlike all others. */
  hash(): string {
    return `hash((i * 7919 + ${this.#salt++})::bigint)`;
  }
}

const cardinalities = [2, 5, 50, 256, 700, 3000, 5000, 6000, 40_000, 70_000, 0];

type Maker = (k: string, chance: Chance) => readonly [Kind, string];

/** Columns of so many values at most, from a number k, 0 and up, of each. */
const keyMakers: readonly (readonly [most: number, Maker])[] = [
  [2, k => ['bool', `${k} = 0`]],
  [250, k => ['int', `(${k} - 100)::tinyint`]],
  [60_000, k => ['int', `(${k} - 30000)::smallint`]],
  [60_000, k => ['int', `${k}::integer`]],
  [1e9, k => ['int', `${k}::integer`]],
  [1e9, (k, c) => ['int', `(${k} * ${c.pick([1, 3, 2003])} - ${c.pick([0, 1000])})::integer`]],
  [1e9, (k, c) => ['int', `${k}::bigint * ${c.pick([1, 7, 1_000_003])} + ${c.pick(['0', '2147483600'])}`]],
  [1e9, k => ['int', `${k}::bigint + 9007199254740900`]],
  [1e9, k => ['text', `'key ' || ${k}`]],
  [1e9, k => ['text', `case when ${k} = 0 then '' else ${k} || ' Zürich and further' end`]],
  [1e9, k => ['strange', `case ${k} when 0 then 'nan' when 1 then '-0' else ${k}::double / 4 end::double`]],
  [1e9, k => ['time', `date '1970-01-01' + (${k} % 80000)::integer`]],
  [1e9, k => ['time', `make_timestamp(${k}::bigint * 1000003)`]],
  [1e9, k => ['decimal', `(${k}::bigint / 100)::decimal(12, 2)`]],
];

const valueMakers: readonly (readonly [Kind, string, adds: boolean])[] = [
  ['int', '(H % 201)::integer - 100', true],
  ['int', '((H % 201)::integer - 100)::tinyint', true],
  ['int', '(H % 250)::integer', true],
  ['int', '((H % 60000)::integer - 30000)::smallint', true],
  ['int', '(H % 4294967296)::bigint - 2147483648', true],
  ['int', '((H % 4294967296)::bigint - 2147483648)::integer', true],
  ['int', '(H % 100)::bigint', true],
  ['int', '(H % 100000000000)::bigint - 50000000000', true],
  ['int', 'case when H % 3000 = 0 then 9007199254740992 + (H % 7)::bigint else (H % 1000)::bigint end', true],
  ['int', '(H >> 1)::bigint', false],
  ['float', '((H % 200000)::integer - 100000) / 64.0::double', true],
  ['float', '((H % 20000)::integer - 10000)::double / 100', true],
  ['float', '(H % 17)::double', true],
  ['float', '((H % 9007199254740993)::double / 9007199254740993 - 0.5) * 1000', true],
  ['float', '(((H % 2001)::integer - 1000) / 8.0::double)::real', true],
  [
    'strange',
    `case H % 5000 when 0 then 'nan' when 1 then 'inf' when 2 then '-inf' when 3 then '-0' else (H % 64)::double / 8 end::double`,
    true,
  ],
  ['bool', 'H % 3 = 0', true],
  ['text', `'t' || (H % 40)`, true],
  ['text', `'longer than twelve bytes ' || (H % 5000)`, true],
  ['text', `chr((97 + H % 26)::integer) || (H % 1000000000)`, true],
  ['time', `date '1970-01-01' + ((H % 40000)::integer - 20000)`, true],
  ['time', 'make_timestamp((H % 4000000000000000)::bigint - 2000000000000000)', true],
  ['decimal', '(((H % 20000)::integer - 10000) / 100)::decimal(9, 2)', true],
  ['decimal', '(((H % 2000000000)::bigint - 1000000000) / 10000)::decimal(18, 4)', true],
];

/** Nulls: none, few, many, at the end only, or nothing else at first. */
function withNulls(sql: string, rows: number, chance: Chance): string {
  const h = chance.hash();
  const nulls = [null, null, null, `${h} % 500 = 0`, `${h} % 7 < 2`];
  const where = chance.pick([...nulls, `i > ${Math.floor(rows * 0.9)} and ${h} % 3 = 0`, `i < ${rows >> 2}`]);
  return where === null ? sql : `case when ${where} then null else ${sql} end`;
}

/** Values of keys are spread evenly, lie together, come in turns, or some of them are frequent. */
function keyColumn(name: string, rows: number, chance: Chance): LargeColumn {
  const given = chance.pick(cardinalities);
  const values = given === 0 ? rows : given;
  const places = [`(H % ${values})::bigint`, `(H % ${values})::bigint`, `i * ${values} // ${rows}`];
  const skewed = `(case when H % 3 = 0 then 1 else H // 3 % ${values} end)::bigint`;
  const place = chance.pick([...places, `i % ${values}`, skewed]).replaceAll('H', chance.hash());
  const makers = keyMakers.filter(([most]) => values <= most);
  const [kind, sql] = chance.pick(makers)[1](`(${place})`, chance);
  return { name, kind, sql: withNulls(sql, rows, chance), adds: false };
}

function valueColumn(name: string, rows: number, chance: Chance): LargeColumn {
  const [kind, sql, adds] = chance.pick(valueMakers);
  return { name, kind, sql: withNulls(sql.replaceAll('H', chance.hash()), rows, chance), adds };
}

export function largeTable(chance: Chance, rows: number): LargeTable {
  const keys = Array.from({ length: 4 }, (_, k) => keyColumn(`k${k}`, rows, chance));
  const values = Array.from({ length: 6 }, (_, v) => valueColumn(`v${v}`, rows, chance));
  const dictionaries = chance.pick(['', '', ', dictionary_size_limit 1', `, dictionary_size_limit ${rows}`]);
  const version = chance.pick(['', '', ', parquet_version v2']);
  const groups = Math.max(2048, Math.ceil(rows / (1 + chance.below(8))));
  const parquet = `format parquet, codec ${chance.pick(['snappy', 'zstd'])}, row_group_size ${groups}`;
  return { rows, keys, values, parquet: parquet + dictionaries + version, partitions: 1 + chance.below(12) };
}

/** Keys and values that loops read as one or two bytes where the table is kept, beside others; nulls in some partitions only. */
export function narrowTable(chance: Chance): LargeTable {
  const rows = 300_000;
  const column = (name: string, kind: Kind, sql: string): LargeColumn => {
    return { name, kind, sql: sql.replaceAll('H', chance.hash()), adds: true };
  };
  return {
    rows,
    keys: [
      column('g', 'int', '(H % 6000)::integer'),
      column('h', 'int', '(H % 50)::integer'),
      column('s', 'text', `'key ' || (H % 300)`),
      column('far', 'int', `case when i > ${rows >> 1} then (H % 70)::bigint * 1000003 end`),
      column('near', 'int', '(H % 6000)::bigint - 100'),
    ],
    values: [
      column('a', 'int', '(H % 201)::integer - 100'),
      column('b', 'int', `case when i < 200000 or H % 3 > 0 then (H % 50000)::integer end`),
      column('c', 'int', '(H % 100)::bigint'),
      column('x', 'float', '((H % 200000)::integer - 100000) / 64.0::double'),
      column('y', 'float', 'case when H % 9 > 0 then (H % 17)::double end'),
    ],
    parquet: 'format parquet, row_group_size 100000',
    partitions: 4,
  };
}

/** DuckDB with one table of that name, and the same as a Parquet file. */
export async function makeTable(db: DuckDBConnection, table: LargeTable, path: string): Promise<void> {
  const columns = [...table.keys, ...table.values].map(({ name, sql }) => `${sql} as ${name}`);
  await db.run(
    `create or replace table t as select i::integer as n, ${columns} from range(${table.rows}) r(i)`,
  );
  await db.run(`copy t to '${path}' (${table.parquet})`);
}

export async function openDuckDB() {
  const instance = await DuckDBInstance.create(':memory:');
  const db = await instance.connect();
  await db.run(
    "set timezone='UTC'; set threads=1; set preserve_insertion_order=true; set memory_limit='3GB'",
  );
  return {
    db,
    close() {
      db.closeSync();
      instance.closeSync();
    },
  };
}
