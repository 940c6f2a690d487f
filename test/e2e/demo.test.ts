import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../core/base/version.js';
import type { FaultEvent } from '../../index.js';
import { startNats } from '../services/nats.js';
import { type Ended, node } from './programs.js';
import { lives, until } from './until.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'volley-e2e-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `npm run demo -- …` without the build before it. */
function demo(...flags: string[]): Promise<Ended> {
  return node([join(packageRoot, 'dist/examples/flights.js'), ...flags], { env: { TMPDIR: folder } }).ended;
}

const hash = '[0-9a-f]{32}';

test('embedded: three tables, and nothing to start', async () => {
  const { code, stdout, stderr } = await demo();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/Delays by state and month[^\n]*\n *state +month +flights +mean_delay/);
  expect(stdout).toMatch(
    /Worst routes with at least 1,000 flights\n *origin +destination +flights +mean_delay/,
  );
  expect(stdout).toMatch(/Flights more than 30 minutes late, by hour\n *hour +flights +late +late_share/);
  expect(stdout).toMatch(/embedded: [\d.]+ s, \d+ tasks, written to /);
  expect(stdout).not.toContain('cluster');
});

test('--cluster --kill: the same answer, the dead pid, its events and what was recomputed', async () => {
  const { code, stdout } = await demo('--cluster', '--kill');
  const [, pid] = /^killed: worker process (\d+)$/m.exec(stdout)!;
  const [, workers] = /^cluster: head at \S+, workers (.*)$/m.exec(stdout)!;
  expect(workers!.split(', ')).toContain(pid);
  expect(lives(Number(pid))).toBe(false);
  expect(stdout).toMatch(/^event: worker-lost .+/m);
  const [, recomputed] = /^recomputed tasks: (\d+)$/m.exec(stdout)!;
  expect(Number(recomputed)).toBeGreaterThanOrEqual(1);
  expect(stdout).toMatch(
    new RegExp(`answer embedded: (${hash})\nanswer cluster: {2}\\1\nidentical: true\n$`),
  );
  expect(code).toBe(0);
});

test('--cluster --corrupt: noticed, and told by the exit code', async () => {
  const { code, stdout } = await demo('--cluster', '--corrupt');
  expect(stdout).toMatch(
    new RegExp(`answer embedded: ${hash}\nanswer cluster: {2}${hash}\nidentical: false\n$`),
  );
  expect(code).toBe(1);
});

test('--nats: an independent subscriber sees the loss of the killed worker', async () => {
  const server = await startNats();
  const plain = await connect({ servers: server.url });
  try {
    const events: FaultEvent[] = [];
    plain.subscribe('volley.*.fault.>', { callback: (_, message) => void events.push(message.json()) });
    await plain.flush();
    const { code, stdout } = await demo('--cluster', '--kill', '--nats', server.url);
    expect(stdout).toContain('identical: true');
    expect(code).toBe(0);
    await until(() => events.some(event => event.kind === 'worker-lost'));
    const [, pid] = /^killed: worker process (\d+)$/m.exec(stdout)!;
    // Workers are named after their supervisor's process.
    expect(events.find(e => e.kind === 'worker-lost')?.workerName).toMatch(new RegExp(`-${pid}$`));
  } finally {
    await plain.close();
    await server.kill();
  }
});
