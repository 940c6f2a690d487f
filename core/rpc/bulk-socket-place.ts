import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { limits } from '../base/limits.js';

/**
 * Where a node's Unix socket lies: a folder of its own, mode 0700, holding the socket and a file with the token of
 * the handshake. The token is never in an address: who can read the file is the same user, which is the proof.
 */
export interface SocketPlace {
  readonly socket: string;
  readonly token: string;
  remove(): void;
}

const prefix = 'volley-data-';
export const tokenBytes = 32;

/** Null where no folder gives a path that fits into a socket address. */
export function makeSocketPlace(): SocketPlace | null {
  for (const base of [tmpdir(), '/tmp']) {
    // mkdtemp appends six characters.
    const length = Buffer.byteLength(join(base, `${prefix}XXXXXX`, 's'));
    if (length > limits.socketPathBytes || !existsSync(base)) continue;
    try {
      const folder = mkdtempSync(join(base, prefix));
      const token = randomBytes(tokenBytes).toString('hex');
      writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
      const remove = () => rmSync(folder, { recursive: true, force: true });
      process.once('exit', remove);
      return {
        socket: join(folder, 's'),
        token,
        remove() {
          process.removeListener('exit', remove);
          remove();
        },
      };
    } catch {
      // Not writable: try the next.
    }
  }
  return null;
}

/** The token beside a socket. Throws when this user cannot read it. */
export function readSocketToken(socket: string): string {
  return readFileSync(join(dirname(socket), 'token'), 'utf8');
}

/** Folders of killed nodes: ours, and with a socket nobody listens to. */
export async function sweepSocketPlaces(): Promise<void> {
  for (const base of new Set([tmpdir(), '/tmp'])) {
    for (const name of listed(base)) {
      const folder = join(base, name);
      if (await isDead(folder)) rmSync(folder, { recursive: true, force: true });
    }
  }
}

function listed(base: string): string[] {
  try {
    return readdirSync(base)
      .filter(name => name.startsWith(prefix))
      .slice(0, limits.socketFailures);
  } catch {
    return [];
  }
}

function isDead(folder: string): Promise<boolean> {
  const socket = join(folder, 's');
  try {
    if (statSync(folder).uid !== process.getuid?.() || !existsSync(socket)) return Promise.resolve(false);
  } catch {
    return Promise.resolve(false);
  }
  return new Promise(resolve => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', error => resolve((error as NodeJS.ErrnoException).code === 'ECONNREFUSED'));
  });
}

/** Equal on processes of one running machine; '' where the platform does not say. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
