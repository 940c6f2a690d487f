import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { entryFile } from '../core/base/entries.js';
import { volleyVersion } from '../core/base/version.js';
import { createGrpcTransport } from '../core/rpc/grpc.js';

const children: ChildProcess[] = [];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'volley-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  #wake = () => {};

  constructor(child: ChildProcess) {
    this.child = child;
    children.push(child);
    child.stdout!.setEncoding('utf8').on('data', text => {
      this.stdout += text;
      this.#wake();
    });
    child.stderr!.setEncoding('utf8').on('data', text => {
      this.stderr += text;
    });
    this.ended = new Promise(resolve => {
      child.once('close', code => {
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
        this.#wake();
      });
    });
  }

  /** The match of a pattern in stdout, as soon as it is there. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (this.child.exitCode !== null) throw new Error(`ended with ${this.child.exitCode}: ${this.stderr}`);
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }
}

const cleanEnv = { ...process.env, VOLLEY_HEAD: '', VOLLEY_TOKEN_FILE: '' };

function volley(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  return new Running(
    spawn(process.execPath, [entryFile('cli'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...cleanEnv, ...env },
    }),
  );
}

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test('--help and --version answer on stdout', async () => {
  const [help, version] = await Promise.all([volley(['--help']).ended, volley(['--version']).ended]);
  expect(help.code).toBe(0);
  for (const command of ['head', 'worker', 'status', 'run', 'explain'])
    expect(help.stdout).toContain(command);
  expect(version).toEqual({ code: 0, stdout: `${volleyVersion}\n`, stderr: '' });
});

test('a wrong flag or command ends with 2 and the valid ones', async () => {
  const [flag, command, value] = await Promise.all([
    volley(['head', '--prot', '1']).ended,
    volley(['haed']).ended,
    volley(['worker', '--memory', 'lots']).ended,
  ]);
  expect(flag.code).toBe(2);
  expect(flag.stderr).toContain("unknown option '--prot'");
  expect(flag.stderr).toContain('--port');
  expect(flag.stderr).toContain('--token-file');
  expect(command.code).toBe(2);
  expect(command.stderr).toContain('Commands: head, worker, status, run, explain');
  expect(value.code).toBe(2);
  expect(value.stderr).toContain('512MB');
});

// FAULTS 1.
test('a head beyond loopback without a token or TLS does not start, and names the flag', async () => {
  const ended = await volley(['head', '--host', '0.0.0.0', '--port', '0']).ended;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('--token-file');
  expect(ended.stdout).toBe('');
});

test('a taken port ends the head with 1 and a sentence', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => holder.once('listening', resolve));
  const { port } = holder.address() as { port: number };
  const ended = await volley(['head', '--port', String(port)]).ended;
  holder.close();
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain(String(port));
  expect(ended.stderr).not.toContain('    at ');
});

test('a head says where it listens, takes peers, and ends on SIGTERM with 0', async () => {
  const head = volley(['head', '--port', '0']);
  const [, address] = await head.said(
    /^head listening on grpc:\/\/(127\.0\.0\.1:\d+)\nnext: volley worker --head /,
  );
  const link = await createGrpcTransport().attachAsClient(address!, { token: null, tls: null });
  const closed = new Promise(resolve => link.onClose(resolve));
  link.onBatch(() => {});
  head.child.kill('SIGTERM');
  expect((await head.ended).code).toBe(0);
  await closed;
});

test('a forked head tells its parent, and ends when the parent lets go', async () => {
  const child = fork(entryFile('cli'), ['head', '--port', '0'], {
    silent: true,
    env: cleanEnv,
    execArgv: [],
  });
  children.push(child);
  const exited = new Promise(resolve => child.once('exit', resolve)); // 'close' does not come after a disconnect.
  const message = await new Promise(resolve => child.once('message', resolve));
  expect(message).toEqual({ kind: 'ready', address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) });
  child.disconnect();
  expect(await exited).toBe(0);
});

test('status of a head, for people and for programs', async () => {
  const head = volley(['head', '--port', '0', '--cluster-name', 'test-7']);
  const [, url] = await head.said(/listening on (\S+)\n/);
  const [people, programs] = await Promise.all([
    volley(['status', '--head', url!]).ended,
    volley(['status', '--json'], { VOLLEY_HEAD: url! }).ended,
  ]);
  expect(people.stderr + programs.stderr).toBe('');
  expect(people.stdout).toContain(`cluster test-7 at ${url}`);
  expect(people.stdout).toContain('0 workers');
  expect(JSON.parse(programs.stdout)).toMatchObject({ cluster: 'test-7', workers: [] });
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a worker joins with its labels, shows in status, and takes its engine along on SIGTERM', async () => {
  const head = volley(['head', '--port', '0']);
  const [, url] = await head.said(/listening on (\S+)\n/);
  const flags = [
    '--threads',
    '1',
    '--memory',
    '256MB',
    '--label',
    'nodeType=vm',
    '--label',
    'zone=a',
    '--name',
    'w-1',
  ];
  const worker = volley(['worker', '--head', url!, ...flags]);
  const [, number, enginePid] = await worker.said(/^worker (\d+) of \S+ 1 threads, engine process (\d+)\n/);
  const report = JSON.parse((await volley(['status', '--json', '--head', url!]).ended).stdout);
  expect(report.workers).toMatchObject([
    {
      worker: Number(number),
      name: 'w-1',
      threads: 1,
      memoryBytes: 256e6,
      labels: { nodeType: 'vm', zone: 'a' },
      supervisorPid: worker.child.pid,
      enginePid: Number(enginePid),
    },
  ]);
  worker.child.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
  expect(lives(Number(enginePid))).toBe(false);
});

// FAULTS 2.
test('a worker without the token is turned away with the way out', async () => {
  const tokenFile = script('token', `${'t'.repeat(40)}\n`);
  const head = volley(['head', '--port', '0', '--token-file', tokenFile]);
  const [, url] = await head.said(/listening on (\S+)\n/);
  const [without, status] = await Promise.all([
    volley(['worker', '--head', url!]).ended,
    volley(['status', '--head', url!], { VOLLEY_TOKEN_FILE: tokenFile }).ended,
  ]);
  expect(without.code).toBe(1);
  expect(without.stderr).toContain('--token-file');
  expect(status).toMatchObject({ code: 0, stderr: '' });
});

test('explain answers for a task nobody knows', async () => {
  const head = volley(['head', '--port', '0']);
  const [, url] = await head.said(/listening on (\S+)\n/);
  const ended = await volley(['explain', '65536/3', '--head', url!]).ended;
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(ended.stdout).toContain('task 65536/3');
});

test('status without a head ends with 1 and the address that does not answer', async () => {
  const ended = await volley(['status', '--head', '127.0.0.1:1']).ended;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('127.0.0.1:1');
  expect(ended.stderr).not.toContain('    at ');
});

test('run: a TypeScript script with its arguments, the head, and its exit code', async () => {
  const path = script(
    'hello.ts',
    `const answer: { args: string[]; head?: string } = { args: process.argv.slice(2), head: process.env.VOLLEY_HEAD };
     console.log(JSON.stringify(answer));
     process.exitCode = 7 satisfies number;`,
  );
  const ended = await volley(['run', path, '--head', 'node7', '--', '--deep', 'x']).ended;
  expect(ended).toEqual({
    code: 7,
    stdout: `${JSON.stringify({ args: ['--deep', 'x'], head: 'grpc://node7:7460' })}\n`,
    stderr: '',
  });
});

// Goal: the three lines a newcomer types work, whatever `npm init` wrote.
test.each(['{}', '{"type":"commonjs"}', '{"type":"module"}'])(
  'run: top-level await and imports under %s',
  async text => {
    const project = mkdtempSync(join(folder, 'project-'));
    writeFileSync(join(project, 'package.json'), text);
    writeFileSync(join(project, 'part.ts'), 'export const part: number = await Promise.resolve(41);');
    const lines = "import { part } from './part.js';\nconsole.log(await Promise.resolve(part + 1));";
    writeFileSync(join(project, 'main.ts'), lines);
    writeFileSync(join(project, 'plain.js'), lines);
    const [typed, plain] = await Promise.all([
      volley(['run', join(project, 'main.ts')]).ended,
      volley(['run', join(project, 'plain.js')]).ended,
    ]);
    expect(typed).toEqual({ code: 0, stdout: '42\n', stderr: '' });
    expect(plain).toEqual({ code: 0, stdout: '42\n', stderr: '' });
  },
);

test('run: signals reach the script, and its end by one is passed on', async () => {
  const polite = script(
    'polite.ts',
    `process.on('SIGTERM', () => { console.log('bye'); process.exit(3); });
     setInterval(() => {}, 1000);
     console.log('up');`,
  );
  const rude = script('rude.ts', `console.log('up'); setInterval(() => {}, 1000 as number);`);
  const runs = [volley(['run', polite]), volley(['run', rude])];
  for (const run of runs) {
    await run.said(/up/);
    run.child.kill('SIGTERM');
  }
  expect(await runs[0]!.ended).toMatchObject({ code: 3, stdout: 'up\nbye\n' });
  expect(await runs[1]!.ended).toMatchObject({ code: 128 + 15 });
});

test('run: a missing script ends with 1 and its path', async () => {
  const ended = await volley(['run', join(folder, 'none.ts')]).ended;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('none.ts');
});
