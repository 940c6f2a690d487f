import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../core/base/version.js';
import { LocalCluster } from '../../index.js';
import { descendants, node, type Program } from './programs.js';
import { increment } from './tasks.js';
import { lives, until } from './until.js';

/** How programs end: by themselves, by Ctrl-C, by a kill; and what they leave behind, which is nothing. */

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'volley-endings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const programs: Program[] = [];
afterEach(() => {
  for (const program of programs.splice(0)) program.child.kill('SIGKILL');
});

let scripts = 0;
function run(lines: string, env: NodeJS.ProcessEnv = {}): Program {
  const file = join(folder, `script-${++scripts}.mjs`);
  const index = JSON.stringify(join(packageRoot, 'dist/index.js'));
  writeFileSync(file, `import { connect, LocalCluster } from ${index};\n${lines}\n`);
  const program = node([file], { env });
  programs.push(program);
  return program;
}

test('an embedded program ends by itself without close(), also with results nobody took', async () => {
  const program = run(`
    const session = await connect();
    const kept = await session.scatter(new Float64Array(100_000));
    const frame = await session.fromRecords([{ a: 1 }, { a: 2 }]).persist();
    const rest = session.map(n => n * 2, [1, 2, 3]);
    const failed = session.submit(() => { throw new Error('nobody looks'); });
    console.log(await rest[0], await frame.count());`);
  expect(await program.ended).toEqual({ code: 0, stdout: '2 2\n', stderr: '' });
});

test('an embedded program that still waits for a task is not ended under it', async () => {
  const program = run(`
    const session = await connect({ threads: 1 });
    const slow = session.submit(() => new Promise(resolve => setTimeout(resolve, 300, 'done')));
    slow.then(value => console.log(value));`);
  expect(await program.ended).toEqual({ code: 0, stdout: 'done\n', stderr: '' });
});

const withCluster = `
  const cluster = await LocalCluster.start({ workers: 2 });
  const session = await cluster.connect();
  session.map(() => { for (;;); }, [1, 2]).forEach(future => future.catch(() => {}));
  console.log('workers', cluster.workers.flatMap(w => [w.pid, w.enginePid]).join(' '));`;

test.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  '%s on a program with a LocalCluster leaves no process',
  async signal => {
    const program = run(withCluster);
    const [, list] = await program.said(/workers ([\d ]+)\n/);
    const pids = [...new Set([...descendants(program.pid), ...list!.split(' ').map(Number)])];
    // Head, two supervisors, two engines.
    expect(pids).toHaveLength(5);
    program.child.kill(signal);
    expect((await program.ended).code).toBeNull();
    await until(() => !pids.some(lives));
  },
);

test('Ctrl-C in a terminal goes to every process of the group: none is left either', async () => {
  const program = run(withCluster);
  await program.said(/workers [\d ]+\n/);
  const pids = descendants(program.pid);
  expect(pids).toHaveLength(5);
  for (const pid of [program.pid, ...pids]) process.kill(pid, 'SIGINT');
  await program.ended;
  await until(() => !pids.some(lives));
});

test('a program on a cluster that closes its session takes its work along', async () => {
  await using cluster = await LocalCluster.start({ workers: 1 });
  const watcher = await cluster.connect();
  const program = run(
    `
    const session = await connect();
    const futures = session.map(() => { for (;;); }, [1, 2, 3]);
    for (const future of futures) future.catch(() => {});
    while (!(await session.explain(futures[0])).reason.startsWith('running'));
    console.log('up');
    await session.close();`,
    { VOLLEY_HEAD: cluster.address },
  );
  expect(await program.ended).toEqual({ code: 0, stdout: 'up\n', stderr: '' });
  await until(async () => {
    const { tasks, clients } = await watcher.status();
    return clients === 1 && tasks.assigned + tasks.ready + tasks.waiting === 0;
  });
  expect(await watcher.submit(increment, 1)).toBe(2);
});

test('a program that is killed keeps its work for a while, and nobody else waits for it', async () => {
  await using cluster = await LocalCluster.start({ workers: 2 });
  const watcher = await cluster.connect();
  const program = run(
    `
    const session = await connect();
    const loop = session.submit(() => { for (;;); });
    const finite = session.map(n => { const end = performance.now() + 50; while (performance.now() < end); return n; }, [1, 2, 3, 4]);
    while (!(await session.explain(loop)).reason.startsWith('running'));
    console.log('up');
    await loop;`,
    { VOLLEY_HEAD: cluster.address },
  );
  await program.said(/up/);
  program.child.kill('SIGKILL');
  await program.ended;
  await until(async () => (await watcher.status()).tasks.done >= 4);
  // The other thread is free; the lost client's grace (limits.clientGraceMs) is timed in scheduler/state.
  expect(await watcher.submit(increment, 1)).toBe(2);
});
