import { expect, test } from 'vitest';
import type { Batch } from '../column/column.js';
import { DataType, type Schema } from '../column/datatype.js';
import { batchesToRecords, recordsToBatch } from '../column/records.js';
import { coalesce, col, type Expr, lit, when } from '../expr/expr.js';
import type { ExprNode } from '../expr/node.js';
import { scopeOf, typeExpr } from '../expr/typing.js';
import { recordCompiled } from './compile.js';
import { evaluate, projectionText, selectRows } from './evaluate.js';

function valuesOf(expr: Expr, batch: Batch): unknown[] {
  const { node, type } = typeExpr(expr.node, scopeOf(batch.schema, 'test'));
  const columns = evaluate([node], batch, null);
  const schema: Schema = [{ name: 'v', type }];
  const rows = batchesToRecords(schema, [{ schema, rows: batch.rows, columns }], { int64: 'bigint' });
  return rows.map(row => (row as { v: unknown }).v);
}

const big = 2n ** 62n;
const wide = recordsToBatch([
  { a: big, b: 1n, n: 1 },
  { a: -big, b: -5n, n: 2 },
  { a: null, b: 3n, n: 3 },
  { a: 7n, b: null, n: 4 },
]);

test('integers beyond 2^53 compare, add and cast exactly', () => {
  expect(wide.columns[0]!.physical).toBe('i64');
  expect(valuesOf(col('a').gt(col('b')), wide)).toEqual([true, false, null, null]);
  expect(valuesOf(col('a').eq(big), wide)).toEqual([true, false, null, false]);
  expect(valuesOf(col('a').add(col('b')), wide)).toEqual([big + 1n, -big - 5n, null, null]);
  expect(valuesOf(col('a').sub(col('b')), wide)).toEqual([big - 1n, -big + 5n, null, null]);
  expect(valuesOf(col('a').cast(DataType.Float64), wide)).toEqual([Number(big), -Number(big), null, 7]);
  expect(valuesOf(col('a').cast(DataType.Utf8), wide)).toEqual([String(big), String(-big), null, '7']);
  expect(valuesOf(coalesce(col('a'), col('b')), wide)).toEqual([big, -big, 3n, 7n]);
  expect(valuesOf(when(col('n').gt(1)).then(col('b')).otherwise(col('a')), wide)).toEqual([
    big,
    -5n,
    3n,
    null,
  ]);
  expect(valuesOf(col('a').isIn([big, 7]), wide)).toEqual([true, false, null, true]);
});

test('integer overflow is an error that names the way out', () => {
  const overflow = expect.objectContaining({ code: 'INTEGER_OVERFLOW' });
  expect(() => valuesOf(col('a').add(col('a')), wide)).toThrowError(overflow);
  expect(() => valuesOf(col('a').mul(2), wide)).toThrowError(/cast an operand to Float64/);
  const safe = recordsToBatch([{ a: 2n ** 53n - 1n }]);
  expect(() => valuesOf(col('a').add(1), safe)).toThrowError(overflow);
  expect(() => valuesOf(col('a').mul(3), safe)).toThrowError(overflow);
  expect(valuesOf(col('a').cast(DataType.Float64).mul(2), safe)).toEqual([2 * (2 ** 53 - 1)]);
  const small = recordsToBatch([{ a: 127 }], [{ name: 'a', type: DataType.Int8 }]);
  expect(() => valuesOf(col('a').mul(col('a')), small)).toThrowError(overflow);
});

test('a strict cast throws with row and value, only for rows it is asked for', () => {
  const batch = recordsToBatch([
    { s: '1', n: 1 },
    { s: 'x', n: 300 },
    { s: null, n: NaN },
  ]);
  const failed = (row: number, value: unknown) =>
    expect.objectContaining({ code: 'CAST_FAILED', data: expect.objectContaining({ row, value }) });
  expect(() => valuesOf(col('s').cast(DataType.Int64), batch)).toThrowError(failed(1, 'x'));
  expect(() => valuesOf(col('n').cast(DataType.UInt8), batch)).toThrowError(failed(1, 300));
  expect(valuesOf(col('s').cast(DataType.Int64, { strict: false }), batch)).toEqual([1n, null, null]);
  expect(valuesOf(col('n').cast(DataType.UInt8, { strict: false }), batch)).toEqual([1, null, null]);
  // The branch of the bad rows is not taken.
  const guarded = when(col('n').eq(1)).then(col('s').cast(DataType.Int64)).otherwise(null);
  expect(valuesOf(guarded, batch)).toEqual([1n, null, null]);
  // A dictionary entry no row refers to any more does no harm.
  const at = Int32Array.of(0, 2);
  const { node } = typeExpr(col('s').cast(DataType.Int64).node, scopeOf(batch.schema, 'test'));
  expect([...evaluate([node], batch, { at, rows: 2 })[0]!.values]).toEqual([1, 0]);
});

test('floats: NaN equals NaN and is largest, −0 is 0, division by zero is infinite, mod by zero null', () => {
  const batch = recordsToBatch([
    { x: NaN, y: NaN },
    { x: 1, y: NaN },
    { x: -0, y: 0 },
    { x: -7.5, y: 2 },
    { x: 1, y: 0 },
  ]);
  expect(valuesOf(col('x').eq(col('y')), batch)).toEqual([true, false, true, false, false]);
  expect(valuesOf(col('x').lt(col('y')), batch)).toEqual([false, true, false, true, false]);
  expect(valuesOf(col('y').gt(1e308), batch)).toEqual([true, true, false, false, false]);
  expect(valuesOf(col('x').div(col('y')), batch)).toEqual([NaN, NaN, NaN, -3.75, Infinity]);
  expect(valuesOf(col('x').mod(col('y')), batch)).toEqual([NaN, NaN, null, -1.5, null]);
  expect(valuesOf(lit(-2.5).round(), batch)[0]).toBe(-3);
  expect(valuesOf(lit(0.49999999999999994).round(), batch)[0]).toBe(0);
});

test('timestamps in nanoseconds', () => {
  const type = DataType.Timestamp('ns');
  const batch = recordsToBatch(
    [{ t: new Date('2024-02-29T23:59:58.123Z') }, { t: new Date('1969-12-31T00:00:01Z') }, { t: null }],
    [{ name: 't', type }],
  );
  expect(batch.columns[0]!.physical).toBe('i64');
  expect(valuesOf(col('t').date.year(), batch)).toEqual([2024, 1969, null]);
  expect(valuesOf(col('t').date.second(), batch)).toEqual([58, 1, null]);
  expect(valuesOf(col('t').date.epoch('ns'), batch)).toEqual([1709251198123000000n, -86399000000000n, null]);
  expect(valuesOf(col('t').date.truncate('1mo').cast(DataType.Utf8), batch)).toEqual([
    '2024-02-01 00:00:00',
    '1969-12-01 00:00:00',
    null,
  ]);
  expect(valuesOf(col('t').cast(DataType.Utf8), batch)).toEqual([
    '2024-02-29 23:59:58.123',
    '1969-12-31 00:00:01',
    null,
  ]);
});

test('text to time, strict and not, in ISO form and in a format', () => {
  const batch = recordsToBatch([
    { s: '2024-02-29', f: '29/02/2024 11:05 PM' },
    { s: '2023-02-29', f: 'never' },
    { s: null, f: null },
  ]);
  expect(valuesOf(col('s').cast(DataType.Date, { strict: false }), batch)).toEqual([
    new Date('2024-02-29'),
    null,
    null,
  ]);
  expect(() => valuesOf(col('s').cast(DataType.Date), batch)).toThrowError(
    /"2023-02-29" \(Utf8\) is no Date/,
  );
  const parsed = col('f').str.strptime(DataType.Timestamp('us'), '%d/%m/%Y %I:%M %p', { strict: false });
  expect(valuesOf(parsed, batch)).toEqual([new Date('2024-02-29T23:05:00Z'), null, null]);
  expect(() => valuesOf(col('f').str.strptime(DataType.Date, '%Q'), batch)).toThrowError(
    /unknown directive %Q/,
  );
});

test('the code of a projection', () => {
  const batch = recordsToBatch([
    { x: 1, y: 2 },
    { x: null, y: 3 },
  ]);
  const { node } = typeExpr(col('x').mul(col('y')).add(1).node, scopeOf(batch.schema, 'test'));
  expect(projectionText([node], batch)).toMatchInlineSnapshot(`
    "const p0=P[0];const p1=P[1];const p2=P[2];const p3=P[3];const p4=P[4];let bad=0;
    for(let i=0;i<rows;i++){const j=i;
    const n0=((p1[i>>3]>>(i&7))&1)===0;
    const x1=p0[i];
    const x2=p2[i];
    const x3=x1*x2;
    const x4=x3+1;
    /*0*/p3[j]=n0?0:x4;p4[j]=n0?0:1;
    bad+=(x4-x4);
    }
    return bad===0?0:1;"
  `);
});

test('a projection of 2,000 expressions and one of 2,000 operands are compiled in pieces', () => {
  const batch = recordsToBatch([
    { x: 1, y: 2 },
    { x: null, y: 3 },
  ]);
  const many = Array.from(
    { length: 2000 },
    (_, k) => typeExpr(col('x').add(k).node, scopeOf(batch.schema, 'test')).node,
  );
  const { result: columns, functions } = recordCompiled(() => evaluate(many, batch, null));
  expect(columns.map(column => column.values[0])).toEqual(many.map((_, k) => k + 1));
  // A column, a number and their sum: three expressions each.
  expect(functions.length).toBeGreaterThanOrEqual((2000 * 3) / 300);
  expectPieces(functions, 2000 * 3);
  let sum: ExprNode = col('y').node;
  for (let k = 1; k < 2000; k++) sum = { kind: 'call', fn: 'add', args: [sum, col('y').node] };
  const added = recordCompiled(() => evaluate([sum], batch, null)[0]!);
  expect([...added.result.values]).toEqual([4000, 6000]);
  expectPieces(added.functions, 2000 * 2);
  const test: ExprNode = { kind: 'call', fn: 'gt', args: [sum, lit(5000.5).node] };
  const chosen = recordCompiled(() => selectRows(test, batch));
  expect(chosen.result.rows).toBe(1);
  expectPieces(chosen.functions, 2000 * 2);
});

/** V8 never optimises a function of more than some 500 expressions: what computes `nodes` of them is cut below that. */
function expectPieces(functions: readonly string[], nodes: number): void {
  const statements = functions.map(text => text.split('\n').filter(line => /^ *const x/.test(line)).length);
  // Pieces of equal text are one function; the long sum is cut at half of what a function may hold.
  expect(functions.length).toBeGreaterThan(1);
  expect(Math.max(...statements)).toBeLessThanOrEqual(300);
  expect(Math.max(...statements)).toBeLessThan(nodes / 10);
}

test('an unknown regular expression is an error of the user', () => {
  const batch = recordsToBatch([{ s: 'a' }]);
  const node: ExprNode = {
    kind: 'call',
    fn: 'str.contains',
    args: [col('s').node],
    params: { pattern: '(', regex: true, flags: '' },
  };
  expect(() => evaluate([node], batch, null)).toThrowError(/is no regular expression/);
});
