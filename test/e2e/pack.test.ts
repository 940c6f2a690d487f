import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../../core/base/version.js';
import { node, Program } from './programs.js';

/** What a stranger gets: the packed package, installed in an empty folder. */

const lines = `import { connect, col, len } from 'volley';
await using session = await connect();
console.log(await session.gather(session.map((x) => x * x, [1, 2, 3])));
const frame = session.fromRecords([{ k: 'a', v: 1 }, { k: 'b', v: 2 }, { k: 'a', v: 3 }]);
console.log(await frame.groupBy('k').agg(col('v').sum(), len()).sort('k').toRecords());
`;
const printed = "[ 1, 4, 9 ]\n[ { k: 'a', v: 4, len: 2 }, { k: 'b', v: 2, len: 1 } ]\n";

let root = '';
let project = '';

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'volley-pack-'));
  project = join(root, 'project');
  mkdirSync(project);
  // The build has been run already; running it now would pull dist/ from under other tests.
  await done(npm(packageRoot, 'pack', '--ignore-scripts', '--pack-destination', root));
  const [tarball] = readdirSync(root).filter(name => name.endsWith('.tgz'));
  await done(npm(project, 'init', '--yes'));
  await done(npm(project, 'install', '--prefer-offline', '--no-audit', '--no-fund', join(root, tarball!)));
}, 180_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

function npm(cwd: string, ...args: string[]): Program {
  // npm run by npm passes its own settings on: this is another project.
  const inherited = Object.keys(process.env).filter(key =>
    /^npm_(?:config_local_prefix|package|lifecycle)/.test(key),
  );
  return new Program('npm', args, { cwd, env: Object.fromEntries(inherited.map(key => [key, undefined])) });
}

async function done(program: Program): Promise<string> {
  const { code, stdout, stderr } = await program.ended;
  if (code !== 0) throw new Error(`ended with ${code}:\n${stdout}\n${stderr}`);
  return stdout;
}

test('a five-line script runs under plain Node', async () => {
  // `await using` is syntax Node 20 does not have: what a plain script writes instead.
  const plain = lines.replace('await using', 'const');
  writeFileSync(join(project, 'five.mjs'), plain);
  expect(await node(['five.mjs'], { cwd: project }).ended).toEqual({ code: 0, stdout: printed, stderr: '' });
});

test('packages that only some sources need are not there, and are asked for by name', async () => {
  const script = `import { connect } from 'volley';
const session = await connect();
for (const scan of [
  session.scanPostgres('postgres://127.0.0.1/x', 't'),
  session.scanParquet('s3://bucket/x.parquet'),
]) console.log(await scan.count().catch(error => error.code + ' ' + error.message.split(': ')[1]));
`;
  writeFileSync(join(project, 'missing.mjs'), script);
  const { stdout } = await node(['missing.mjs'], { cwd: project }).ended;
  expect(stdout).toBe(
    'UNSUPPORTED npm install pg pg-copy-streams\nUNSUPPORTED npm install @aws-sdk/client-s3\n',
  );
});

test('npx volley --help, and run with TypeScript', async () => {
  writeFileSync(join(project, 'five.ts'), lines.replace('(x)', '(x: number)'));
  const [help, run] = await Promise.all([
    npm(project, 'exec', '--', 'volley', '--help').ended,
    npm(project, 'exec', '--', 'volley', 'run', 'five.ts').ended,
  ]);
  expect(help.code).toBe(0);
  for (const command of ['head', 'worker', 'status', 'run', 'explain'])
    expect(help.stdout).toContain(command);
  expect({ code: run.code, stdout: run.stdout }).toEqual({ code: 0, stdout: printed });
});

test('what is packed: compiled files, the protocol, the documents; no tests, sources or settings', async () => {
  const [packed] = JSON.parse(
    await done(npm(packageRoot, 'pack', '--ignore-scripts', '--dry-run', '--json')),
  ) as [{ files: { path: string }[] }];
  const paths = packed.files.map(file => file.path);
  for (const path of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli/main.js',
    'proto/volley.proto',
    'README.md',
    'LICENSE',
  ]) {
    expect(paths).toContain(path);
  }
  expect(paths.filter(path => /\.test\.|testing\/|^test\/|(?<!\.d)\.ts$/.test(path))).toEqual([]);
});
