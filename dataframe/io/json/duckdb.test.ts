import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col } from '../../expr/expr.js';
import { type JSONOptions, jsonScan, type NDJSONOptions, ndjsonScan } from '../../frame/sources.js';
import { fromRecords, scanFrame } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { duckdb, scratchFolder } from '../testing/oracle.js';

const scratch = scratchFolder();
afterAll(() => scratch.close());
const host = { executor: new InlineExecutor() };

const forms = {
  ndjson: (path: string, options: NDJSONOptions = {}) => scanFrame(host, ndjsonScan(path, options)),
  json: (path: string, options: JSONOptions = {}) => scanFrame(host, jsonScan(path, options)),
};

function lines(text: string, options: NDJSONOptions) {
  writeFileSync(scratch.path('lines.ndjson'), text);
  return forms.ndjson(scratch.path('lines.ndjson'), options);
}

describe('beside DuckDB', () => {
  const path = () => scratch.path('own.ndjson');
  const types = `SELECT CASE WHEN i % 7 = 3 THEN NULL ELSE i * 1000000007 END AS i64, i / 7 AS f64, (i * 7919 % 1000003) * 1.5e10 AS wide,
    i % 3 = 0 AS b, 'näme "' || i || E'"\\\\\\n' AS t, CASE WHEN i % 5 = 2 THEN NULL ELSE range(i % 4) END AS l,
    {'x': i, 'y': ['a' || i, NULL]} AS s, DATE '2000-01-01' + i::INTEGER AS d, TIMESTAMP '2001-01-01 00:00:00' + INTERVAL (i * 977) MILLISECOND AS ts
    FROM range(3000) u(i)`;
  const asked = `SELECT i64, f64, wide, b, t, to_json(l), to_json(s), d::VARCHAR, epoch_us(ts::TIMESTAMP)`;

  for (const [format, options] of [
    ['ndjson', ''],
    ['json', ', ARRAY true'],
  ] as const) {
    test(`reads what it writes: ${format}`, async () => {
      const file = scratch.path(`duck.${format}`);
      const expected = await duckdb(
        `COPY (${types}) TO '${file}' (FORMAT json${options})`,
        `${asked} FROM read_json('${file}')`,
      );
      const schema = { d: DataType.Date, ts: DataType.Timestamp('us') };
      const rows = await forms[format](file, { schema }).collect();
      const found = rows.toArray().map(row => {
        const { i64, f64, wide, b, t, l, s, d } = row.toJSON();
        return [
          i64,
          f64,
          wide,
          b,
          t,
          l && JSON.stringify([...l].map(Number)),
          s && { x: Number(s.x), y: [...s.y] },
          d,
        ];
      });
      expect(found.length).toBe(expected.length);
      found.forEach((row, r) => {
        const [i64, f64, wide, b, t, l, s] = expected[r]!;
        const text = row.map(value => (value === null ? null : String(value)));
        expect(text.slice(0, 6)).toEqual([i64, f64, wide, b, t, l].map(v => (v === null ? null : String(v))));
        expect(row[6]).toEqual(JSON.parse(s as string));
      });
      const times = await duckdb(
        `SELECT sum(epoch_us(ts::TIMESTAMP))::VARCHAR, count(DISTINCT d)::VARCHAR FROM read_json('${file}')`,
      );
      const own = await forms[format](file, { schema })
        .select(col('ts').cast(DataType.Int64).sum().alias('us'), col('d').nUnique().alias('days'))
        .toRecords({ int64: 'bigint' });
      expect(own).toEqual([{ us: BigInt(times[0]![0]!), days: BigInt(times[0]![1]!) }]);
    });
  }

  test('nested values and decimals come back from sinkNDJSON', async () => {
    const source = lines(
      Array.from({ length: 50 }, (_, i) =>
        JSON.stringify({
          p: i % 5 === 0 ? null : { x: i, 'y"': [`t${i}`, null], z: { d: '2024-01-31' } },
          n: `${i}.25`,
          huge: `${i}e30`,
        }),
      ).join('\n'),
      { schema: { n: DataType.Decimal(10, 2), huge: DataType.Decimal(38, 2) } },
    );
    const file = scratch.path('nested.ndjson');
    await source.sinkNDJSON(file);
    const types = (await source.schema()).map(({ name, type }) => [name, type]);
    const back = forms.ndjson(file, { schema: Object.fromEntries(types) });
    expect(await back.toRecords()).toEqual(await source.toRecords());
    const columns = `{p: 'STRUCT(x INT, "y""" VARCHAR[], z STRUCT(d DATE))', n: 'DECIMAL(10,2)'}`;
    const [row] = await duckdb(
      `SELECT p."y"""[1], p.z.d::VARCHAR, n::VARCHAR FROM read_json('${file}', columns = ${columns}) WHERE p.x = 7`,
    );
    expect(row).toEqual(['t7', '2024-01-31', '7.25']);
    // DuckDB takes numbers of so many digits for floats; the file has them all.
    expect(readFileSync(file, 'utf8')).toContain(`"huge":49${'0'.repeat(30)}.00}`);
  });

  test('and what sinkNDJSON wrote', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({
      a: i,
      t: i % 4 === 0 ? null : `x${i}\u2028"`,
      f: i / 3,
    }));
    await fromRecords(host, rows).sinkNDJSON(path());
    expect(await forms.ndjson(path()).toRecords()).toEqual(rows);
  });
});
