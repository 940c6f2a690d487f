import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isVolleyError } from '../base/errors.js';
import { packData } from '../wire/msgpack.js';
import { provideTaskGlobals, reviveFunction } from './revive.js';
import { shipFunction } from './ship.js';
import { setTaskContext, taskContext } from './task-context.js';

declare const col: (name: string) => { column: string };
declare const concatStr: unknown;

test('is compiled once per content', async () => {
  const make = () => (a: number) => a * 3;
  const first = await reviveFunction(shipFunction(make()).body);
  const second = await reviveFunction(shipFunction(make()).body.slice());
  expect(second).toBe(first);
  expect(first(4)).toBe(12);
});

test('names that others provide are loaded when a function uses them', async () => {
  let loads = 0;
  provideTaskGlobals(['col'], async () => {
    loads++;
    return { col: (column: string) => ({ column }) };
  });
  await reviveFunction(shipFunction(() => 'uses none').body);
  expect(loads).toBe(0);
  const fn = await reviveFunction(shipFunction(() => col('a').column).body);
  expect(fn()).toBe('a');
  expect(loads).toBe(1);
});

test('a name nobody provides is an error that says so', async () => {
  await expect(reviveFunction(shipFunction(() => concatStr).body)).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    data: { names: ['concatStr'] },
  });
});

test('the context is the one of the running task', async () => {
  const fn = await reviveFunction(shipFunction(() => taskContext().attempt).body);
  const context = {
    task: '1/0',
    name: 't',
    attempt: 3,
    node: 'n',
    labels: {},
    signal: new AbortController().signal,
  };
  setTaskContext(context);
  expect(fn()).toBe(3);
  setTaskContext(null);
  expect(fn).toThrow('only while a task runs');
});

test('bytes that are no shipped function', async () => {
  for (const body of [
    new Uint8Array([1]),
    packData({ kind: 'function', name: 'x', source: '1' }),
    packData({ kind: 'function', name: 'x', source: '() =>', uses: [] }),
  ]) {
    const error = await reviveFunction(body).catch(e => e);
    expect(isVolleyError(error, 'DECODE')).toBe(true);
  }
  const injected = packData({ kind: 'function', name: 'x', source: '() => 1', uses: ['a = b'] });
  await expect(reviveFunction(injected)).rejects.toMatchObject({ code: 'DECODE' });
});

test('packages resolve from the project root that was given', async () => {
  const root = mkdtempSync(join(tmpdir(), 'volley-revive-'));
  try {
    const folder = join(root, 'node_modules', 'only-there');
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'package.json'),
      '{"name":"only-there","type":"module","exports":"./index.js"}',
    );
    writeFileSync(join(folder, 'index.js'), 'export const answer = 42;');
    const source = `async () => (await import('only-there')).answer`;
    const body = packData({ kind: 'function', name: 'load', source, uses: [] });
    expect(await (await reviveFunction(body, root))()).toBe(42);
    await expect((await reviveFunction(body))()).rejects.toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
