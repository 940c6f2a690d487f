import { writeFileSync } from 'node:fs';
import { afterAll, expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { DataType } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import { csvScanOf } from '../testing/csv-scan.js';
import { newSeed, readAll, scratchFolder } from '../testing/oracle.js';
import { csvReader } from './reader.js';

const scratch = scratchFolder();
afterAll(scratch.close);

const below = (name: string, bound: number): ExprNode => ({
  kind: 'call',
  fn: 'lt',
  args: [
    { kind: 'column', name },
    { kind: 'literal', value: bound, type: DataType.Int64 },
  ],
});
const schema = { n: DataType.Int64, s: DataType.Utf8, x: DataType.Float64, t: DataType.Utf8 };

// Goal: with a filter, the rows that pass are those a scan without it has, in order, however many they are.
test('rows that a filter keeps, few and many, in any splits', async () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let text = 'n,s,x,t\n';
  for (let i = 0; i < 20_000; i++) {
    const n = random() < 0.05 ? '' : Math.floor(random() * 1000);
    const odd = random();
    const s = odd < 0.01 ? '"a ""quoted""\n,text"' : odd < 0.5 ? `s${i % 50}` : `a text of its own ${i}`;
    text += `${random() < 0.0005 ? '\n' : ''}${n},${s},${random()},${odd < 0.1 ? '' : `t${i}`}\n`;
  }
  const path = scratch.path('filtered.csv');
  writeFileSync(path, text);
  const all = await readAll(csvReader, csvScanOf(path, { schema }));
  for (const bound of [-1, 1, 20, 400, 1001]) {
    for (const splitBytes of [1e9, 100_000]) {
      const scan = { ...csvScanOf(path, { schema, splitBytes }), predicate: below('n', bound) };
      const rows = await readAll(csvReader, scan);
      const passes = (row: (typeof rows)[number]) => row[0] !== null && Number(row[0]) < bound;
      expect(rows.filter(passes), `seed ${seed}, below ${bound}`).toEqual(all.filter(passes));
      if (bound < 20) expect(rows.length, `seed ${seed}, below ${bound}`).toBeLessThan(all.length / 2);
    }
  }
});

// Goal: an error in a row that passes names that row; what a filter drops is not looked at, but for its shape.
test('errors of rows that pass, and of those that do not', async () => {
  const lines = Array.from({ length: 9000 }, (_, i) => `${i},s,${i},t`);
  const path = scratch.path('errors.csv');
  const failure = async (line: number, record: string) => {
    writeFileSync(path, ['n,s,x,t', ...lines.with(line, record)].join('\n'));
    const scan = { ...csvScanOf(path, { schema }), predicate: below('n', 10) };
    return readAll(csvReader, scan).then(
      rows => rows.filter(row => Number(row[0]) < 10).length,
      error => error.data,
    );
  };
  expect(await failure(7, '7,s,x,t')).toMatchObject({ row: 9, column: 'x', text: 'x' });
  expect(await failure(4500, '1,s,x,t')).toMatchObject({ row: 4502, column: 'x', text: 'x' });
  expect(await failure(4500, '4500,s,x,t')).toBe(10);
  expect(await failure(4500, '4500,s,1')).toMatchObject({ row: 4502 });
  expect(await failure(4500, 'n,s,1,t')).toMatchObject({ row: 4502, column: 'n', text: 'n' });
});
