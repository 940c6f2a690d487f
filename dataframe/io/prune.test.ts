import { afterAll, expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { DataType, type Schema } from '../column/datatype.js';
import type { ExprNode, FunctionName, LiteralValue } from '../expr/node.js';
import { parquetReader } from './parquet/reader.js';
import { mayMatch } from './prune.js';
import type { ColumnStatistics, ScanSpec } from './source.js';
import { duckdb, newSeed, readAll, scratchFolder, testEnv } from './testing/oracle.js';

const scratch = scratchFolder();
afterAll(scratch.close);

const schema: Schema = [
  { name: 'i', type: DataType.Int32 },
  { name: 'f', type: DataType.Float64 },
  { name: 'g', type: DataType.Float32 },
  { name: 's', type: DataType.Utf8 },
  { name: 'd', type: DataType.Date },
];
const column = (name: string): ExprNode => ({ kind: 'column', name });
const literal = (value: LiteralValue, type: DataType): ExprNode => ({ kind: 'literal', value, type });
const int = (value: number) => literal(value, DataType.Int32);
const call = (fn: FunctionName, ...args: ExprNode[]): ExprNode => ({ kind: 'call', fn, args });
const stats = (min: ColumnStatistics['min'], max: ColumnStatistics['max'], nullCount: number | null = 0) => ({
  min,
  max,
  nullCount,
});
const known = {
  i: stats(10, 20),
  f: stats(1, 2),
  g: stats(Math.fround(0.1), Math.fround(0.1)),
  s: stats('b', 'd'),
  d: stats(100, 200, 3),
};
const may = (node: ExprNode, statistics: Record<string, ColumnStatistics> = known) =>
  mayMatch(node, schema, statistics, 10);

test('comparisons with a literal on either side', () => {
  expect([may(call('eq', column('i'), int(9))), may(call('eq', column('i'), int(10)))]).toEqual([
    false,
    true,
  ]);
  expect([may(call('lt', column('i'), int(10))), may(call('ltEq', column('i'), int(10)))]).toEqual([
    false,
    true,
  ]);
  expect([may(call('gt', column('i'), int(20))), may(call('gtEq', column('i'), int(20)))]).toEqual([
    false,
    true,
  ]);
  expect([may(call('gt', int(10), column('i'))), may(call('lt', int(20), column('i')))]).toEqual([
    false,
    false,
  ]);
  expect(may(call('neq', column('i'), int(10)), { i: stats(10, 10) })).toBe(false);
  expect(may(call('isBetween', column('i'), int(21), int(30)))).toBe(false);
  expect(may({ kind: 'call', fn: 'isIn', args: [column('i')], params: { values: [1, null, 30] } })).toBe(
    false,
  );
  expect(may({ kind: 'call', fn: 'isIn', args: [column('i')], params: { values: [1, 15] } })).toBe(true);
  expect(
    may(
      call(
        'eq',
        { kind: 'cast', input: column('i'), type: DataType.Float64, strict: true },
        literal(9.5, DataType.Float64),
      ),
    ),
  ).toBe(false);
});

test('and, or, nulls', () => {
  const no = call('eq', column('i'), int(9));
  const yes = call('eq', column('i'), int(11));
  expect([may(call('and', yes, no)), may(call('or', yes, no)), may(call('or', no, no))]).toEqual([
    false,
    true,
    false,
  ]);
  expect([may(call('isNull', column('i'))), may(call('isNull', column('d')))]).toEqual([false, true]);
  expect(may(call('isNotNull', column('i')), { i: stats(null, null, 10) })).toBe(false);
  expect(may(yes, { i: stats(null, null, 10) })).toBe(false);
});

test('what statistics cannot tell is kept', () => {
  const above = (name: string, value: number, type: DataType) =>
    call('gt', column(name), literal(value, type));
  expect(may(above('f', 5, DataType.Float64))).toBe(true); // NaN is larger.
  expect(may(call('lt', column('f'), literal(1, DataType.Float64)))).toBe(false);
  expect(may(call('eq', column('g'), literal(0.1, DataType.Float64)))).toBe(true); // The literal may be rounded.
  expect(may(call('eq', column('f'), literal(Number.NaN, DataType.Float64)))).toBe(true);
  expect(may(call('eq', column('i'), int(9)), {})).toBe(true);
  expect(may(call('eq', column('i'), int(9)), { i: stats(null, null, null) })).toBe(true);
  expect(may(call('not', call('eq', column('i'), int(11))))).toBe(true);
  expect(may(call('eq', column('d'), literal(5, DataType.Timestamp('us'))))).toBe(true); // Other units.
  expect(may(call('eq', column('d'), literal(5, DataType.Date)))).toBe(false);
  expect(may(call('eq', column('s'), int(1)))).toBe(true);
});

test('text compares by UTF-8 bytes', () => {
  // U+FFFD is below U+1F600 in bytes, above it in UTF-16.
  const only = { s: stats('\ufffd', '\ufffd') };
  expect(may(call('gt', column('s'), literal('\u{1f600}', DataType.Utf8)), only)).toBe(false);
  expect(may(call('lt', column('s'), literal('\u{1f600}', DataType.Utf8)), only)).toBe(true);
});

// Goal: a scan with a predicate, filtered, equals the scan without it, filtered.
test('pruning never changes answers', async () => {
  const path = scratch.path('prune.parquet');
  await duckdb(
    `COPY (SELECT CASE WHEN i % 5 = 0 AND i < 4096 THEN NULL ELSE (i / 100)::INTEGER END AS i, CASE WHEN i = 3000 THEN 'NaN'::DOUBLE ELSE i / 3 END AS f,
     (i % 700 / 7)::FLOAT AS g, 'k' || (i // 512) AS s, CASE WHEN i BETWEEN 2048 AND 4095 THEN NULL ELSE DATE '2000-01-01' + (i // 50)::INTEGER END AS d
     FROM range(10000) t(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`,
  );
  const scan: ScanSpec = {
    format: 'parquet',
    paths: [path],
    csv: null,
    columns: null,
    predicate: null,
    schema: null,
  };
  const all = await readAll(parquetReader, scan);
  const seed = newSeed();
  const random = seededRng(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  let pruned = 0;
  for (let k = 0; k < 150; k++) {
    const { node, keeps } = randomPredicate(random, pick, all, 2);
    const some = await readAll(parquetReader, { ...scan, predicate: node });
    expect(some.filter(keeps), `seed ${seed}, predicate ${k}: ${JSON.stringify(node)}`).toEqual(
      all.filter(keeps),
    );
    pruned += some.length < all.length ? 1 : 0;
  }
  expect(pruned, `seed ${seed}`).toBeGreaterThan(20);
  const { splits } = await parquetReader.inspect(
    { ...scan, predicate: call('eq', column('i'), int(-1)) },
    testEnv,
  );
  expect(splits.length).toBe(1); // One stays, to carry the schema; it reads as nothing.
  expect(await readAll(parquetReader, { ...scan, predicate: call('eq', column('i'), int(-1)) })).toEqual([]);
});

type Row = readonly (string | null)[];

interface Predicate {
  readonly node: ExprNode;
  readonly keeps: (row: Row) => boolean;
}

const comparisons = ['eq', 'neq', 'lt', 'ltEq', 'gt', 'gtEq'] as const;

function randomPredicate(
  random: () => number,
  pick: <T>(items: readonly T[]) => T,
  rows: readonly Row[],
  depth: number,
): Predicate {
  if (depth > 0 && random() < 0.5) {
    const a = randomPredicate(random, pick, rows, depth - 1);
    const b = randomPredicate(random, pick, rows, depth - 1);
    return random() < 0.5
      ? { node: call('and', a.node, b.node), keeps: row => a.keeps(row) && b.keeps(row) }
      : { node: call('or', a.node, b.node), keeps: row => a.keeps(row) || b.keeps(row) };
  }
  const c = Math.floor(random() * schema.length);
  const { name, type } = schema[c]!;
  if (random() < 0.15) {
    return random() < 0.5
      ? { node: call('isNull', column(name)), keeps: row => row[c] === null }
      : { node: call('isNotNull', column(name)), keeps: row => row[c] !== null };
  }
  const cell = pick(rows)[c] ?? '0';
  const value =
    type.kind === 'utf8'
      ? cell
      : Number(cell) + pick([0, 0, -1, 1, 1000]) * (type.kind === 'float64' ? 0.5 : 1);
  const op = pick(comparisons);
  const node = call(op, column(name), literal(value, type));
  return { node, keeps: row => row[c] !== null && holds(op, order(row[c]!, value)) };
}

/** Sign of cell - value, NaN largest and equal to itself. */
function order(cell: string, value: string | number): number {
  if (typeof value === 'string') {
    return Buffer.compare(Buffer.from(cell), Buffer.from(value));
  }
  const number = Number(cell);
  if (Number.isNaN(number) || Number.isNaN(value)) {
    return Number(Number.isNaN(number)) - Number(Number.isNaN(value));
  }
  return number - value;
}

function holds(op: (typeof comparisons)[number], sign: number): boolean {
  return { eq: sign === 0, neq: sign !== 0, lt: sign < 0, ltEq: sign <= 0, gt: sign > 0, gtEq: sign >= 0 }[
    op
  ];
}
