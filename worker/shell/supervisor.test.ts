import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { packageRoot } from '../../core/base/version.js';
import { createGrpcTransport } from '../../core/rpc/grpc.js';
import { decodeValue } from '../../core/wire/payload.js';
import { HandHead } from '../testing/head.js';
import { type Supervisor, startSupervisor, type WorkerOptions } from './supervisor.js';

// These start real processes over real gRPC, from dist/.

let head: HandHead | null = null;
let supervisor: Supervisor | null = null;

afterEach(async () => {
  await supervisor?.close();
  await head?.close();
  supervisor = head = null;
});

function grpcHead(
  greet: Parameters<typeof HandHead.start>[0] = null,
  address = '127.0.0.1:0',
): Promise<HandHead> {
  return HandHead.start(greet, createGrpcTransport(), address);
}

function optionsFor(address: string): WorkerOptions {
  return {
    head: address,
    token: null,
    tls: null,
    name: 'node-a',
    host: '127.0.0.1',
    threads: 2,
    memoryBytes: 64 * 1024 * 1024,
    spillDir: null,
    labels: {},
    resources: {},
    allowPaths: null,
    nats: '',
  };
}

test('a supervised engine joins, works, and leaves when told', async () => {
  head = await grpcHead();
  supervisor = await startSupervisor(optionsFor(head.address));
  expect(head.hellos[0]).toMatchObject({ name: 'node-a', supervisorPid: process.pid, death: null });
  expect(head.hellos[0]!.enginePid).toBe(supervisor.enginePid());
  const template = head.install(1, (x: number) => x * 2);
  head.assign(1, template, [[21]]);
  await head.until(() => head!.finished(1).size === 1);
  expect(decodeValue(head.finished(1).get(0)!)).toBe(42);
  head.say({ kind: 'shutdown', reason: 'test' });
  expect(await supervisor.closed).toEqual({ code: 0, reason: 'the head asked for it: test' });
});

// FAULTS 19
test('a task that aborts its engine: restarted, with the cause of death and what ran', async () => {
  head = await grpcHead();
  supervisor = await startSupervisor(optionsFor(head.address));
  const first = supervisor.worker();
  const pid = supervisor.enginePid();
  const kill = head.install(1, () => process.kill(process.pid, 'SIGKILL'));
  head.assign(1, kill, [[]], { first: 7, attempt: 3 });
  await head.until(() => head!.hellos.length === 2);
  const { death } = head.hellos[1]!;
  expect(death).toMatchObject({ exitCode: null, signal: 'SIGKILL', worker: first, pid });
  expect(death!.running).toEqual([{ job: 1, index: 7, attempt: 3 }]);
  expect(death!.rssBytes).toBeGreaterThan(1e6);

  const allocate = head.install(2, () => {
    const kept: unknown[] = [];
    for (let size = 1e6; ; size *= 2) kept.push(new Array(size).fill({}));
  });
  head.assign(2, allocate, [[]]);
  // Either V8 aborts the process, or it manages to end only the thread.
  await head.until(() => head!.hellos.length === 3 || head!.failures().length === 1);
  const told =
    head.hellos[2]?.death?.running ?? head.failures().map(f => ({ ...f.task, attempt: f.attempt }));
  expect(told).toEqual([{ job: 2, index: 0, attempt: 1 }]);
});

test('a head that refuses the version ends the supervisor with its words', async () => {
  head = await grpcHead({ kind: 'refused', code: 'VERSION_MISMATCH', message: 'head is 9.9, you are 0.1' });
  await expect(startSupervisor(optionsFor(head.address))).rejects.toMatchObject({
    code: 'VERSION_MISMATCH',
    message: 'head is 9.9, you are 0.1',
  });
});

test('an unreachable head is said once and waited for; a lost one is joined again', async () => {
  const placeholder = await grpcHead();
  const { address } = placeholder;
  await placeholder.close();
  const said: string[] = [];
  const log = { info() {}, error() {}, warn: (message: string) => void said.push(message) };
  const starting = startSupervisor(optionsFor(address), { log });
  while (said.length === 0) await new Promise(resolve => setImmediate(resolve));
  head = await grpcHead(null, address);
  supervisor = await starting;
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/Trying again until it answers/);

  await head.close();
  head = await grpcHead(null, address);
  await head.until(() => head!.hellos.length === 1);
  expect(head.hellos[0]!.death).toBeNull();
});

test('an engine does not outlive its supervisor, not even with threads in endless loops', async () => {
  head = await grpcHead();
  const module = pathToFileURL(join(packageRoot, 'dist/worker/shell/supervisor.js')).href;
  const script = `import { startSupervisor } from ${JSON.stringify(module)};
    const s = await startSupervisor(${JSON.stringify(optionsFor(head.address))});
    await s.closed;`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  await head.until(() => head!.hellos.length === 1);
  const { enginePid } = head.hellos[0]!;
  const loop = head.install(1, () => {
    for (;;);
  });
  head.assign(1, loop, [[], []]);
  await head.until(() => head!.heard.some(message => message.kind === 'heartbeat' && message.running > 0));
  child.kill('SIGKILL');
  await once(child, 'exit');
  while (lives(enginePid)) await new Promise(resolve => setImmediate(resolve));
  expect(lives(enginePid)).toBe(false);
}, 20_000);

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
