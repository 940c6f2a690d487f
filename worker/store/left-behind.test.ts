import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderPrefix, removeLeftBehind } from './left-behind.js';

test('folders of the dead go, those of the living and of others stay', () => {
  const parent = mkdtempSync(join(tmpdir(), 'volley-left-test-'));
  const dead = 2 ** 30; // Beyond the largest pid.
  const live = `${folderPrefix('spill', process.pid)}a`;
  const foreign = `volley-spill-elsewhere-${dead}-a`;
  for (const name of [live, foreign, `${folderPrefix('spill', dead)}a`]) mkdirSync(join(parent, name));
  removeLeftBehind(parent, 'worker');
  expect(readdirSync(parent)).toHaveLength(3);
  removeLeftBehind(parent, 'spill');
  expect(readdirSync(parent).sort()).toEqual([live, foreign].sort());
  removeLeftBehind(parent, 'spill', process.pid);
  expect(readdirSync(parent)).toEqual([foreign]);
  removeLeftBehind(join(parent, 'missing'), 'spill');
  rmSync(parent, { recursive: true });
});
