import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { isUsingHelper, writtenSpecifier } from './ship-vite.js';

const root = mkdtempSync(join(tmpdir(), 'volley-vite-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function addPackage(name: string, manifest: object): void {
  const folder = join(root, 'node_modules', name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, ...manifest }));
}

addPackage('conditions', {
  exports: { '.': { import: './index.mjs', require: './index.cjs' }, './*': './lib/*.js' },
});
addPackage('@scope/single', { exports: { import: './main.js' } });
addPackage('old', { main: './dist/main.js' });

test.each([
  ['/node_modules/conditions/index.mjs', 'conditions'],
  ['/node_modules/conditions/index.mjs?v=1234', 'conditions'],
  ['/node_modules/conditions/lib/deep/part.js', 'conditions/deep/part'],
  ['/node_modules/@scope/single/main.js', '@scope/single'],
  ['/node_modules/old/dist/main.js', 'old'],
  ['/node_modules/old/dist/other.js', 'old/dist/other.js'],
  [`/@fs${root}/node_modules/old/dist/main.js`, 'old'],
  ['/node_modules/conditions/private.js', '/node_modules/conditions/private.js'],
  ['/node_modules/absent/index.js', '/node_modules/absent/index.js'],
  ['/src/local.ts', '/src/local.ts'],
  ['node:fs', 'node:fs'],
  ['plain', 'plain'],
])('%s was written %s', (resolved, written) => {
  expect(writtenSpecifier(resolved, root)).toBe(written);
});

test('the helper for using declarations', () => {
  expect(isUsingHelper('try { var _usingCtx = (0,', 'default')).toBe(true);
  expect(isUsingHelper('const other = (0,', 'default')).toBe(false);
  expect(isUsingHelper('var _usingCtx = (0,', 'named')).toBe(false);
});
