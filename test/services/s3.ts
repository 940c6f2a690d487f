import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { packageRoot } from '../../core/base/version.js';

export interface S3Server {
  /** `http://127.0.0.1:PORT`. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts an S3-compatible server, empty, on a free port of loopback. It ends with this process. */
export async function startS3(): Promise<S3Server> {
  const child = fork(join(packageRoot, 'test/services/s3.mjs'), { silent: true, execArgv: [] });
  const [port] = (await once(child.stdout!, 'data')) as [Buffer];
  return {
    endpoint: `http://127.0.0.1:${String(port).trim()}`,
    async stop() {
      child.kill();
      await once(child, 'exit');
    },
  };
}
