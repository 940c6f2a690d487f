import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { col, len } from '../expr/expr.js';
import { type DataFrame, fromRecords, scanParquet } from '../frame.js';
import { InlineExecutor } from '../testing/inline-executor.js';

const host = { executor: new InlineExecutor() };
const folder = mkdtempSync(join(tmpdir(), 'volley-code-'));
const rows = Array.from({ length: 600 }, (_, i) => ({
  k: `k${i % 7}`,
  n: (i * 7) % 31,
  v: i % 5 === 0 ? null : i / 7,
}));
const left = fromRecords(host, rows, { partitions: 3 });
const right = fromRecords(
  host,
  rows.slice(0, 31).map(({ n }) => ({ n, w: n * 2 })),
); // Every n once.

beforeAll(() => left.sinkParquet(join(folder, 'rows.parquet')));
afterAll(() => rmSync(folder, { recursive: true }));

/** What `work` compiles for the first time, seen where V8 gets it. */
async function compiledIn(work: () => Promise<unknown>): Promise<Set<string>> {
  const bodies = new Set<string>();
  const Original = globalThis.Function;
  class Seen extends Original {
    constructor(...args: string[]) {
      super(...args);
      bodies.add(args.at(-1)!);
    }
  }
  globalThis.Function = Seen as unknown as FunctionConstructor;
  try {
    await work();
    return bodies;
  } finally {
    globalThis.Function = Original;
  }
}

/** Bodies as V8 got them. */
const functionsOf = (text: string) =>
  [...text.matchAll(/^function \(.*\) \{\n([\s\S]*?)\n\}$/gm)].map(
    ([, body]) => `'use strict';\n${body!.replace(/^ {2}/gm, '')}`,
  );

/** Stage texts with their code, each function of which a run has truly compiled: `seen` grows with every run. */
const seen = new Set<string>();
async function codeOf(frame: DataFrame): Promise<string> {
  for (const body of await compiledIn(() => frame.toRecords())) seen.add(body);
  const text = await frame.explain({ code: true });
  const functions = functionsOf(text);
  expect(functions.length).toBeGreaterThan(0);
  expect(functions.filter(body => !seen.has(body))).toEqual([]);
  return text;
}

test('scan, filter, project: one loop that tests, one that computes', async () => {
  const scan = scanParquet(host, join(folder, 'rows.parquet'));
  const text = await codeOf(scan.filter(col('v').gt(3.125)).select('k', col('v').mul(2.25).alias('d')));
  expect(text).toMatch(/^stage 0: \d+ tasks?: scan parquet .*\n {2}filter \(v > 3\.125\)/);
  expect(text).toMatch(/>3\.125.*\n.*o\[k\]=i;k=/);
  expect(text).toMatch(/\*2\.25;/);
});

test('aggregate: keys and sums in one loop, partial states dealt out and merged', async () => {
  const text = await codeOf(left.groupBy('k').agg(col('v').sum(), len()).with({ fanOut: 2 }));
  expect(text).toContain('3 partitions of memory records');
  const [, partial, final] = text.split(/^stage \d+: /m).slice(1);
  expect(partial).toContain('aggregate partial by [k]');
  expect(partial).toContain('→ hash [k] into 2');
  expect(partial).toMatch(/\/\* 0:code 4:f64 \*\/.*\n.*\n?.*s=st\[b\],t=s\+x/);
  expect(final).toContain('aggregate final by [k]');
  expect(final).toMatch(/function \(P, S, st, tt, last, from, rows, limit, entry, born, ids, si\)/);
});

test('join: a table that is built, a loop that probes it, and gathers', async () => {
  for (const options of [{}, { sharedBuildBytes: 0 }, { broadcastBytes: 0, fanOut: 2 }]) {
    const text = await codeOf(left.join(right, { on: 'n' }).with(options));
    expect(text).toMatch(/function \(P, rows, heads, out\)/);
    expect(text).toMatch(/function \(P, S, heads, starts, left, right, from, rows\)/);
    expect(text).toMatch(/const k=at\[i\]/);
  }
});

test('partitioners: by hash and by range', async () => {
  const joined = left.join(right, { on: 'n' }).with({ broadcastBytes: 0, fanOut: 3 });
  const hash = (await codeOf(joined))
    .split(/^stage \d+: /m)
    .filter(stage => stage.includes('→ hash [n] into 3'));
  expect(hash).toHaveLength(2);
  expect(hash[0]).toMatch(/^function \(P, slice, counts, from, rows, fanOut\)/m);
  const range = (await codeOf(left.sort('v').with({ fanOut: 3 }))).split(/^stage \d+: /m);
  const dealing = range.find(stage => stage.includes('→ range [v] into 3'));
  expect(dealing).toMatch(/^function \(P, slice, at, from, rows\)/m);
});

test('a large group-by is surveyed first, as in a run', async () => {
  const text = await left.groupBy('n').agg(len()).with({ surveyBytes: 0 }).explain({ code: true });
  expect(text).toContain('survey groups by [n]');
});

test('rows that are refused are said so, and what was compiled is shown all the same', async () => {
  const text = await left.select(col('v').mul(100).cast(DataType.Int8)).explain({ code: true });
  expect(text).toContain('// the sample was refused: ');
  expect(functionsOf(text).length).toBeGreaterThan(0);
  const surveyed = left.select(col('v').mul(100).cast(DataType.Int8).alias('d')).groupBy('d').agg(len());
  const explained = surveyed.with({ surveyBytes: 0 }).explain({ code: true });
  await expect(explained).rejects.toMatchObject({ code: 'CAST_FAILED' });
});
