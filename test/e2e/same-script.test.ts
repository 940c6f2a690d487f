import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { LocalCluster } from '../../index.js';
import { node, volley } from './programs.js';

const script = fileURLToPath(new URL('./fixtures/same-script.ts', import.meta.url));

// Goal: a program does not change when it moves from one process to a cluster, and neither does what it prints.
test('one script, embedded, under a LocalCluster and with volley run --head: the same output', async () => {
  const embedded = await volley(['run', script]).ended;
  expect(embedded).toMatchObject({ code: 0, stderr: '' });
  expect(embedded.stdout).toContain('map [ 1, 4, 9, 16, 25 ]');
  expect(embedded.stdout).toContain('delayed [ 5, 14 ]');
  expect(embedded.stdout).toContain("scatter [ 'Las Vegas', 'San Francisco', 'nobody' ]");
  expect(embedded.stdout).toContain('failure RangeError: no 7 true');

  await using cluster = await LocalCluster.start({ workers: 2 });
  const session = await cluster.connect();
  const ran = async () => (await session.status()).counters['tasks-finished'] ?? 0;
  const before = await ran();
  // Without `volley run`: Node with a TypeScript loader, as in somebody's own project.
  const env = { VOLLEY_HEAD: cluster.address };
  const clustered = await node(['--import', import.meta.resolve('tsx'), script], { env }).ended;
  const between = await ran();
  const withFlag = await volley(['run', script, '--head', cluster.address]).ended;
  expect(clustered).toEqual(embedded);
  expect(withFlag).toEqual(embedded);
  // It truly ran there, both times.
  expect(between - before).toBeGreaterThan(20);
  expect((await ran()) - between).toBe(between - before);
});
