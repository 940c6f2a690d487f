import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** How to get a server by hand, for the message of a failed run. */
const advice =
  'nats-server is needed by the tests and was not found. Type: apt-get update && apt-get install -y nats-server' +
  ' (or put a nats-server executable on PATH)';

/** Where the unpacked server is kept between runs, outside the repository. */
const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'volley', 'nats-server');

/**
 * The path of a nats-server executable: from PATH, else from the cache folder, else the distribution's package
 * unpacked into the cache folder (which needs no root). Throws with the command to type.
 */
export function findNatsServer(): string {
  const cached = join(cacheFolder, 'nats-server');
  const found = onPath('nats-server') ?? (existsSync(cached) ? cached : null);
  if (found !== null) return found;
  unpackTo(cached);
  return cached;
}

function onPath(name: string): string | null {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']) {
    if (folder === '') continue;
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** The rename at the end makes it whole or absent, whoever else unpacks at the same time. */
function unpackTo(file: string): void {
  mkdirSync(cacheFolder, { recursive: true });
  const work = mkdtempSync(join(cacheFolder, 'download-'));
  try {
    execFileSync('dpkg', ['-x', join(work, download(work)), join(work, 'out')], { stdio: 'pipe' });
    renameSync(join(work, 'out', 'usr', 'sbin', 'nats-server'), file);
  } catch (cause) {
    throw new Error(advice, { cause });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Fetches the package into a folder and returns its file name. Brings package lists of its own where the machine has none. */
function download(folder: string): string {
  const aptGet = (...args: string[]) =>
    execFileSync('apt-get', args, { cwd: folder, stdio: 'pipe', timeout: 180_000 });
  try {
    aptGet('download', 'nats-server');
  } catch {
    for (const part of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(folder, part), { recursive: true });
    const own = [`Dir::State::lists=${join(folder, 'lists')}`, `Dir::Cache=${join(folder, 'cache')}`];
    const options = own.flatMap(option => ['-o', option]);
    aptGet(...options, 'update');
    aptGet(...options, 'download', 'nats-server');
  }
  const archive = readdirSync(folder).find(name => name.endsWith('.deb'));
  if (archive === undefined) throw new Error('apt-get download left no package');
  return archive;
}

export interface NatsOptions {
  /** 0 or absent: a free port. */
  readonly port?: number;
  readonly token?: string;
  /** Default true. */
  readonly jetstream?: boolean;
  /** Kept after `stop` when given (to start again on it); else a temporary folder that is removed. */
  readonly storeDir?: string;
}

export interface NatsServer {
  /** `nats://127.0.0.1:PORT`, without the token. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Orderly: resolves when the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL: resolves when the process is gone. */
  kill(): Promise<void>;
}

/** Starts a real nats-server on loopback and waits until it takes connections. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const storeDir = options.storeDir ?? mkdtempSync(join(tmpdir(), 'volley-nats-'));
  const removeStore = () => {
    if (options.storeDir === undefined) rmSync(storeDir, { recursive: true, force: true });
  };
  const args = ['--addr', '127.0.0.1', '--port', String(options.port || -1)];
  if (options.jetstream !== false) args.push('--jetstream', '--store_dir', storeDir);
  if (options.token !== undefined) args.push('--auth', options.token);
  const child = spawn(findNatsServer(), args, { stdio: ['ignore', 'ignore', 'pipe'] });
  // A test process that ends early takes its server along.
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  const gone = new Promise<void>(resolve => {
    child.once('close', () => {
      process.off('exit', onExit);
      removeStore();
      resolve();
    });
  });
  const end = (signal: NodeJS.Signals) => {
    child.kill('SIGCONT'); // A stopped server cannot end in an orderly way.
    child.kill(signal);
    return gone;
  };
  const port = await readiness(child);
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** Resolves with the port once the server says that it is ready. */
function readiness(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    let ready = false;
    child.once('error', cause => reject(new Error(advice, { cause })));
    child.once('close', code => reject(new Error(`nats-server ended with ${code}:\n${said}`)));
    child.stderr!.setEncoding('utf8');
    child.stderr!.on('data', (text: string) => {
      if (ready) return; // Keeps draining the pipe.
      said += text;
      const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(said);
      if (port !== null && said.includes('Server is ready')) {
        ready = true;
        resolve(Number(port[1]));
      }
    });
  });
}
