import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../core/base/version.js';

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly range?: string;
  readonly authorization?: string;
  readonly x?: string;
}

export interface HttpFiles {
  /** `http://127.0.0.1:PORT`. What comes first in the path says how the server behaves: see http-files.mjs. */
  readonly url: string;
  /** The requests since the last call. */
  log(): Promise<Asked[]>;
  stop(): Promise<void>;
}

/** Serves a folder from a process of its own, on a free port of loopback. It ends with this process. */
export async function serveFiles(folder: string): Promise<HttpFiles> {
  const child = fork(join(packageRoot, 'test/services/http-files.mjs'), [folder], {
    silent: true,
    execArgv: [],
  });
  const [port] = (await once(child.stdout!, 'data')) as [Buffer];
  const url = `http://127.0.0.1:${String(port).trim()}`;
  return {
    url,
    log: async () => (await (await fetch(`${url}/log`)).json()) as Asked[],
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}
