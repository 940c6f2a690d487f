import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { DataType } from '../../column/datatype.js';
import { col, lit, when } from '../../expr/expr.js';
import { fromRecords, scanCSV } from '../../frame.js';
import { InlineExecutor } from '../../testing/inline-executor.js';
import { duckdb, newSeed, scratchFolder } from '../testing/oracle.js';

const scratch = scratchFolder();
afterAll(scratch.close);
const host = { executor: new InlineExecutor() };

const awkward = [
  '',
  'NA',
  'a,b',
  'a;b',
  '"',
  '""',
  'say "hi"',
  'two\nlines',
  'cr\rlf\r\n',
  ' spaced ',
  "it's",
];
const letters = [...'ab,;"\'\n\r\t #\\é€😀', '\u2028'];

/** Text of awkward fields and of random ones, numbers, times and nulls. */
function awkwardRows(count: number, seed: number) {
  let state = seed | 1;
  const random = (below: number) => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
  const text = () =>
    random(3) === 0
      ? awkward[random(awkward.length)]!
      : Array.from({ length: random(9) }, () => letters[random(letters.length)]).join('');
  return Array.from({ length: count }, (_, i) => ({
    id: i,
    text: random(6) === 0 ? null : text(),
    other: random(6) === 0 ? null : text(),
    big: random(6) === 0 ? null : 9_007_199_254_740_993n + BigInt(i),
    ratio: random(6) === 0 ? null : (random(2000) - 1000) / 7,
    flag: random(6) === 0 ? null : random(2) === 1,
    at: random(6) === 0 ? null : new Date(Date.UTC(1960, 0, 1) + random(2 ** 31) * 1000 + random(1000)),
  }));
}

const typed =
  "{'id': 'DOUBLE', 'text': 'VARCHAR', 'other': 'VARCHAR', 'big': 'BIGINT', 'ratio': 'DOUBLE', 'flag': 'BOOLEAN', 'at': 'TIMESTAMP'}";
const texts = 'id::BIGINT, text, other, big, ratio, flag, epoch_ms("at")';

function expectedCells(rows: ReturnType<typeof awkwardRows>) {
  const cell = (value: unknown) => (value === null ? null : String(value));
  return rows.map(({ at, ...row }) => [...Object.values(row), at?.getTime() ?? null].map(cell));
}

describe('CSV', () => {
  test.each([
    { delimiter: ',', quote: '"', nullValue: '' },
    { delimiter: ';', quote: "'", nullValue: 'NA' },
    { delimiter: '\t', quote: '"', nullValue: '\\N' },
    { delimiter: '|', quote: '"', nullValue: 'null', header: false },
  ])('DuckDB reads back what is written with %j', async options => {
    const seed = newSeed();
    const rows = awkwardRows(3000, seed);
    const path = scratch.path(`duck-${options.delimiter.charCodeAt(0)}.csv`);
    expect(await fromRecords(host, rows, { partitions: 3 }).sinkCSV(path, options)).toEqual({
      rows: 3000,
      files: [path],
    });
    const { delimiter, quote, nullValue, header = true } = options;
    const q = (text: string) => `'${text.replaceAll("'", "''")}'`;
    const read = await duckdb(
      `SELECT ${texts} FROM read_csv(${q(path)}, auto_detect = false, header = ${header}, delim = ${q(delimiter)}, quote = ${q(quote)}, escape = ${q(quote)}, nullstr = ${q(nullValue)}, allow_quoted_nulls = false, strict_mode = false, columns = ${typed}) ORDER BY id`,
    );
    expect(read, `seed ${seed}`).toEqual(expectedCells(rows));
  });

  test('our reader reads back a folder of parts', async () => {
    const seed = newSeed();
    const rows = awkwardRows(1000, seed);
    const folder = scratch.path('parts');
    const result = await fromRecords(host, rows, { partitions: 4 }).sinkCSV(folder);
    expect(result.files).toEqual([0, 1, 2, 3].map(part => `${folder}/part-0000${part}.csv`));
    const scan = scanCSV(host, `${folder}/*.csv`, {
      schema: { id: DataType.Float64, at: DataType.Timestamp('ms') },
    }).select('id', 'text', 'big', 'ratio', 'flag', 'at');
    const wanted = rows.map(({ id, text, big, ratio, flag, at }) => ({ id, text, big, ratio, flag, at }));
    expect(await scan.toRecords({ int64: 'bigint' }), `seed ${seed}`).toEqual(wanted);
  });

  test('no rows: the names alone', async () => {
    const path = scratch.path('none.csv');
    await fromRecords(host, [{ a: 1, 'b,c': 'x' }])
      .filter(col('a').gt(5))
      .sinkCSV(path);
    expect(readFileSync(path, 'utf8')).toBe('a,"b,c"\n');
  });

  test('instants say that they are, and zero keeps its sign', async () => {
    const path = scratch.path('exact.csv');
    const at = new Date(Date.UTC(2001, 1, 3, 4, 5, 6, 7));
    const schema = { instant: DataType.Timestamp('ms', 'UTC'), wall: DataType.Timestamp('ms') };
    await fromRecords(host, [{ instant: at, wall: at, zero: -0 }], { schema }).sinkCSV(path);
    const line = '2001-02-03 04:05:06.007Z,2001-02-03 04:05:06.007,-0.0';
    expect(readFileSync(path, 'utf8')).toBe(`instant,wall,zero\n${line}\n`);
    const [read] = await scanCSV(host, path, { schema }).toRecords();
    expect(read).toEqual({ instant: at, wall: at, zero: -0 });
    expect((await scanCSV(host, path).schema())[0]!.type).toMatchObject({ timeZone: 'UTC' });
  });

  test('options and types that cannot be written are refused by name', async () => {
    const frame = fromRecords(host, [{ a: [1, 2], b: 1 }]);
    const path = scratch.path('refused.csv');
    await expect(frame.sinkCSV(path)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining("'a'"),
    });
    const plain = frame.select('b');
    for (const options of [{ delimiter: ';;' }, { delimiter: '"' }, { quote: '' }, { nullValue: 'a,b' }]) {
      await expect(plain.sinkCSV(path, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(existsSync(path)).toBe(false);
  });
});

describe('NDJSON', () => {
  test('DuckDB reads back text, integers in full, lists and nulls', async () => {
    const seed = newSeed();
    const rows = awkwardRows(3000, seed).map(row => ({ ...row, many: row.id % 3 ? [row.id, 0.5] : null }));
    const path = scratch.path('rows.ndjson');
    await fromRecords(host, rows, { partitions: 3 }).sinkNDJSON(path);
    const read = await duckdb(
      `SELECT ${texts}, array_to_string(many, '|') FROM read_json('${path}', format = 'newline_delimited', columns = ${typed.replace('}', ", 'many': 'DOUBLE[]'}")}) ORDER BY id`,
    );
    const wanted = expectedCells(rows.map(({ many: _, ...row }) => row));
    const lists = rows.map(({ id, many }) => (many === null ? null : `${id}.0|0.5`));
    expect(read, `seed ${seed}`).toEqual(wanted.map((cells, row) => [...cells, lists[row]]));
  });

  test('numbers that JSON does not have become null', async () => {
    const path = scratch.path('nan.ndjson');
    await fromRecords(host, [{ x: Number.NaN }, { x: Number.NEGATIVE_INFINITY }, { x: -0.5 }]).sinkNDJSON(
      path,
    );
    expect(readFileSync(path, 'utf8')).toBe('{"x":null}\n{"x":null}\n{"x":-0.5}\n');
  });
});

test('what fails or exists leaves nothing half-written and nothing replaced', async () => {
  const rows = Array.from({ length: 100 }, (_, id) => ({ id }));
  const failing = fromRecords(host, rows, { partitions: 4 }).withColumns(
    when(col('id').eq(90)).then(lit('soon')).otherwise(lit('2024-01-01')).cast(DataType.Date).alias('day'),
  );
  const before = readdirSync(scratch.path('.'));
  for (const name of ['never', 'never.csv']) {
    await expect(failing.sinkCSV(scratch.path(name))).rejects.toMatchObject({ code: 'CAST_FAILED' });
  }
  expect(readdirSync(scratch.path('.'))).toEqual(before);

  const path = scratch.path('kept.csv');
  const frame = fromRecords(host, rows);
  await frame.head(2).sinkCSV(path);
  await expect(frame.sinkCSV(path)).rejects.toMatchObject({ code: 'SINK_EXISTS' });
  expect(readFileSync(path, 'utf8')).toBe('id\n0\n1\n');
  await frame.head(1).sinkCSV(path, { overwrite: true });
  expect(readFileSync(path, 'utf8')).toBe('id\n0\n');

  const folder = scratch.path('kept');
  await frame.sinkCSV(folder);
  await expect(frame.sinkCSV(folder)).rejects.toMatchObject({ code: 'SINK_EXISTS' });
  await frame.sinkNDJSON(folder, { overwrite: true });
  expect(readdirSync(folder)).toEqual(['part-00000.ndjson']);
});
