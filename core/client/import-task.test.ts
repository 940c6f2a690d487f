import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { importTask } from './import-task.js';
import { reviveFunction } from './revive.js';
import { shipFunction } from './ship.js';

const url = new URL('../../test/shipping/fixtures/pricing.ts', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'volley-import-task-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function moduleOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return pathToFileURL(file).href;
}

const revive = (task: Function) => reviveFunction(shipFunction(task).body);

test('a module travels with the files it imports and keeps its state', async () => {
  const gross = await revive(importTask(url, 'gross'));
  expect(gross(100)).toBe(119);
  expect(gross.name).toBe('gross');
  const counted = await revive(importTask(url, 'rowsAndCalls'));
  expect(await counted(7)).toEqual({ rows: 7, calls: 2 });
  expect((await revive(importTask(url, 'default')))(1)).toBe(6);
});

test('the body does not depend on the handle', () => {
  const first = shipFunction(importTask(url, 'gross'));
  expect(shipFunction(importTask(new URL(url), 'gross')).hash).toBe(first.hash);
  expect(first.name).toBe('gross');
});

test('the handle can be called here', async () => {
  const gross = importTask<(net: number) => Promise<number>>(url, 'gross');
  expect(await gross(100)).toBe(119);
});

test('a missing export names those there are', () => {
  expect(() => shipFunction(importTask(url, 'netto'))).toThrow(
    /exports no function `netto`\. It exports .*`gross`.*`rowsAndCalls`/,
  );
});

test('an export that is no function', async () => {
  await expect(revive(importTask(url, 'limit'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('a module that does not compile', () => {
  const broken = moduleOf('broken.ts', 'export const a = ;');
  expect(() => shipFunction(importTask(broken, 'a'))).toThrow(/could not be bundled/);
});

test('a module that fails on the worker fails the task, again each time', async () => {
  const failing = moduleOf('failing.ts', 'throw new TypeError("not today"); export function a() {}');
  const body = shipFunction(importTask(failing, 'a')).body;
  await expect(reviveFunction(body)).rejects.toThrow('not today');
  await expect(reviveFunction(body)).rejects.toThrow('not today');
});

test('all forms of import and export', async () => {
  const forms = moduleOf(
    'forms.ts',
    `import fs, { existsSync as there } from 'node:fs';
     import * as path from 'node:path';
     import 'node:os';
     export * from 'node:url';
     export { join as glue } from 'node:path';
     export * as events from 'node:events';
     const late = await Promise.resolve(5);
     class Kept { run() { return late; } }
     export function probe() {
       return [typeof fs.readFileSync, there('/'), path.sep, new Kept().run(), Kept.name, typeof import.meta.url];
     }
     const hidden = () => 1;
     export { hidden as shown };`,
  );
  expect((await revive(importTask(forms, 'probe')))()).toEqual(['function', true, '/', 5, 'Kept', 'string']);
  expect((await revive(importTask(forms, 'shown')))()).toBe(1);
  expect((await revive(importTask(forms, 'glue')))('a', 'b')).toBe('a/b');
  expect((await revive(importTask(forms, 'fileURLToPath')))('file:///a')).toBe('/a');
});

test('only files can be imported', () => {
  expect(() => importTask('https://example.org/x.js', 'x')).toThrow(/the URL of a file/);
});
