import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder, findExecutable, unpackPackages } from './packages.js';

/** How to get a server by hand, for the message of a failed run. */
const advice =
  'PostgreSQL is needed by the tests and was not found. Type: apt-get update && apt-get install -y postgresql';

/** Folders of `initdb` and `postgres`: the distribution keeps them off PATH. */
function binFolders(root: string): string[] {
  const versions = join(root, 'usr/lib/postgresql');
  return existsSync(versions) ? readdirSync(versions).map(version => join(versions, version, 'bin')) : [];
}

/**
 * The folder of PostgreSQL's programs: installed, or unpacked before, or the distribution's package unpacked into a cache
 * folder. Throws with the command to type.
 */
export function findPostgres(): string {
  const cache = cacheFolder('postgresql');
  const find = () => findExecutable('initdb', [...binFolders('/'), ...binFolders(cache)]);
  let found = find();
  if (found === null) {
    try {
      unpackPackages(['postgresql'], cache);
    } catch (cause) {
      throw new Error(advice, { cause });
    }
    found = find();
  }
  if (found === null) throw new Error(advice);
  return dirname(found);
}

export interface PostgresServer {
  /** `postgres://volley:…@127.0.0.1:PORT/postgres`. */
  readonly url: string;
  readonly password: string;
  stop(): Promise<void>;
}

/** Starts a real PostgreSQL on a free port of loopback, with a data folder that is removed at the end. */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = findPostgres();
  const folder = mkdtempSync(join(tmpdir(), 'volley-postgres-'));
  const data = join(folder, 'data');
  const password = 'p@ss/w:rd';
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password);
  const user = serverUser(folder, passwordFile);
  const env = environment(bin);
  const init = ['-D', data, '-U', 'volley', '-A', 'scram-sha-256', '--pwfile', passwordFile];
  execFileSync(join(bin, 'initdb'), [...init, '-E', 'UTF8', '--locale', 'C', '--no-sync'], {
    ...user,
    env,
    cwd: folder,
    stdio: 'pipe',
  });
  const port = await freePort();
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', data, ...[...settings, 'log_statement=all', 'timezone=GMT'].flatMap(setting => ['-c', setting])],
    { ...user, env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  // A test process that ends early takes its server along: SIGQUIT ends its children too.
  const onExit = () => child.kill('SIGQUIT');
  process.once('exit', onExit);
  const gone = new Promise<void>(resolve => child.once('close', () => resolve()));
  await readiness(child);
  return {
    url: `postgres://volley:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
    password,
    async stop() {
      process.off('exit', onExit);
      child.kill('SIGINT');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** PostgreSQL refuses to run as root. */
function serverUser(...files: string[]): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  const user = { uid: id('-u'), gid: id('-g') };
  for (const file of files) chownSync(file, user.uid, user.gid);
  chmodSync(files[0]!, 0o700);
  return user;
}

/** An unpacked server finds its libraries beside it. */
function environment(bin: string): NodeJS.ProcessEnv {
  const cache = cacheFolder('postgresql');
  if (!bin.startsWith(cache)) return process.env;
  const lib = join(cache, 'usr/lib');
  const machines = readdirSync(lib).filter(name => name.endsWith('-linux-gnu'));
  return { ...process.env, LD_LIBRARY_PATH: [lib, ...machines.map(name => join(lib, name))].join(':') };
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address!.port : 0));
    });
  });
}

function readiness(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    let ready = false;
    child.once('error', cause => reject(new Error(advice, { cause })));
    child.once('close', code => reject(new Error(`postgres ended with ${code}:\n${said}`)));
    child.stderr!.setEncoding('utf8');
    child.stderr!.on('data', (text: string) => {
      if (ready) return; // Keeps draining the pipe.
      said += text;
      if (said.includes('ready to accept connections')) {
        ready = true;
        resolve();
      }
    });
  });
}
