import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JobId } from '../../core/base/ids.js';
import { RunningFile, readRunning } from './running-file.js';

test('what was written last is read, whatever lay behind it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'volley-running-test-'));
  const path = join(folder, 'running');
  expect(readRunning(path)).toEqual({ running: [], rssBytes: 0 });
  const file = new RunningFile(path);
  const tasks = Array.from({ length: 1000 }, (_, index) => ({ job: 4e9 as JobId, index, attempt: 2 }));
  file.write(tasks, 5e9);
  expect(readRunning(path)).toEqual({ running: tasks, rssBytes: 5e9 });
  file.write(tasks.slice(0, 1), 0);
  expect(readRunning(path)).toEqual({ running: tasks.slice(0, 1), rssBytes: 5e9 });
  file.close();
  writeFileSync(path, Buffer.of(255, 255));
  expect(readRunning(path)).toEqual({ running: [], rssBytes: 0 });
  rmSync(folder, { recursive: true });
});
