import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, findExecutable, unpackPackages } from './packages.js';

/** How to get a server by hand, for the message of a failed run. */
const advice =
  'nats-server is needed by the tests and was not found. Type: apt-get update && apt-get install -y nats-server' +
  ' (or put a nats-server executable on PATH)';

/**
 * The path of a nats-server executable: from PATH, else unpacked before, else the distribution's package unpacked into
 * a cache folder (which needs no root). Throws with the command to type.
 */
export function findNatsServer(): string {
  const cache = cacheFolder('nats-server');
  const find = () => findExecutable('nats-server', ['/usr/sbin', '/usr/local/sbin', join(cache, 'usr/sbin')]);
  let found = find();
  if (found === null) {
    try {
      unpackPackages(['nats-server'], cache);
    } catch (cause) {
      throw new Error(advice, { cause });
    }
    found = find();
  }
  if (found === null) throw new Error(advice);
  return found;
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
