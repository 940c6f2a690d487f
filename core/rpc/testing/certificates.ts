import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsFiles } from '../transport.js';

export interface Authority {
  readonly ca: string;
  /** A certificate for 127.0.0.1 and localhost, and its key. */
  issue(name: string): TlsFiles;
}

/** Makes a certificate authority that lives as long as the test. */
export function makeAuthority(name: string): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'volley-test-ca-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = (suffix: string) => join(folder, suffix);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl([
    ...['req', '-x509', ...key, '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', file('ca.key'), '-out', file('ca.pem')],
  ]);
  const ca = readFileSync(file('ca.pem'), 'utf8');
  return {
    ca,
    issue(host) {
      writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
      openssl(['req', '-new', ...key, '-subj', `/CN=${host}`, '-keyout', file('key'), '-out', file('csr')]);
      openssl([
        ...['x509', '-req', '-in', file('csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key')],
        ...['-CAcreateserial', '-days', '2', '-extfile', file('ext'), '-out', file('cert')],
      ]);
      return { ca, cert: readFileSync(file('cert'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
    },
  };
}

function openssl(args: string[]): void {
  try {
    execFileSync('openssl', args, { stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(
      'this test makes certificates with openssl, which is missing. Type: sudo apt-get install openssl',
    );
  }
}
