import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { VolleyError } from '../core/base/errors.js';
import type { PeerSecurity, TlsFiles } from '../core/rpc/transport.js';

export const defaultPort = 7460;
/** Shorter tokens are guessable. Bytes. */
const tokenBytes = 32;
/** Share of the machine's (or its container's) memory that a worker takes unless told otherwise. */
const memoryShare = 0.6;

const byteUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/** `2GB`, `512MB`, `1.5GiB` or plain bytes → bytes. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = byteUnits[match?.[2]?.toUpperCase() || 'B'];
  if (!match || unit === undefined) {
    throw new InvalidArgumentError('Write a size such as 512MB, 2GB, 1.5GiB or 1073741824.');
  }
  return Math.floor(Number(match[1]) * unit);
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1 on.');
  return Number(text);
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) {
    throw new InvalidArgumentError('Write a port from 0 (any free one) to 65535.');
  }
  return port;
}

/** Collects repeated `--label k=v`. */
export function parseLabel(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write key=value, as in nodeType=vm.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Collects repeated `--resource k=n`. */
export function parseResource(text: string, before: Record<string, number>): Record<string, number> {
  const at = text.indexOf('=');
  const amount = Number(text.slice(at + 1));
  if (at < 1 || at === text.length - 1 || !(amount >= 0)) {
    throw new InvalidArgumentError('Write name=amount, as in gpu=2.');
  }
  return { ...before, [text.slice(0, at)]: amount };
}

/** Collects a repeated flag. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** `grpc://host:port`, `host:port` or `host` → `host:port`. Throws INVALID_ARGUMENT. */
export function parseHeadUrl(text: string): string {
  const match = /^(?:grpc:\/\/)?(\[[0-9a-f:]+\]|[^:/\s[\]]+)(?::(\d{1,5}))?\/?$/i.exec(text);
  if (!match) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `'${text}' is no head address: write grpc://host:${defaultPort}`,
    );
  }
  return `${match[1]}:${match[2] ?? defaultPort}`;
}

export interface HeadUrlFlags {
  head?: string;
}

/** From --head, else VOLLEY_HEAD, else this machine's default port. */
export function headAddress(flags: HeadUrlFlags): string {
  return parseHeadUrl(flags.head ?? (process.env.VOLLEY_HEAD || `127.0.0.1:${defaultPort}`));
}

export interface SecurityFlags {
  tokenFile?: string;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
}

export function addTokenFlag(command: Command): Command {
  return command.option(
    '--token-file <file>',
    'file with the shared token, 32 bytes or more (default: VOLLEY_TOKEN_FILE)',
  );
}

export function addSecurityFlags(command: Command): Command {
  return addTokenFlag(command)
    .option('--tls-ca <file>', 'PEM of the authority whose certificates are accepted')
    .option('--tls-cert <file>', "PEM of this side's certificate")
    .option('--tls-key <file>', "PEM of this side's private key");
}

/** The file of --token-file, else of VOLLEY_TOKEN_FILE; '' counts as none. */
export function tokenFile(flags: SecurityFlags): string | undefined {
  return flags.tokenFile ?? (process.env.VOLLEY_TOKEN_FILE || undefined);
}

/** Reads what the flags name. Throws FILE_NOT_FOUND, INVALID_ARGUMENT. */
export function readSecurity(flags: SecurityFlags): PeerSecurity {
  const file = tokenFile(flags);
  const token = file === undefined ? null : readToken(file, '--token-file');
  const { tlsCa, tlsCert, tlsKey } = flags;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new VolleyError('INVALID_ARGUMENT', '--tls-cert and --tls-key go together: give both or neither');
  }
  if (tlsCa === undefined && tlsCert === undefined) return { token, tls: null };
  const tls: TlsFiles = {
    ca: readPem(tlsCa, '--tls-ca'),
    cert: readPem(tlsCert, '--tls-cert'),
    key: readPem(tlsKey, '--tls-key'),
  };
  return { token, tls };
}

function readPem(file: string | undefined, flag: string): string | null {
  return file === undefined ? null : readText(file, flag);
}

/** A shared secret: the file's text without surrounding space. */
export function readToken(file: string, flag: string): string {
  const token = readText(file, flag).trim();
  const bytes = Buffer.byteLength(token);
  if (bytes < tokenBytes) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `the token of ${flag} ${file} has ${bytes} bytes and needs ${tokenBytes}. Type: openssl rand -hex 32 > ${file}`,
    );
  }
  return token;
}

/** Reads a file that a flag names. */
export function readText(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : (cause as Error).message;
    throw new VolleyError('FILE_NOT_FOUND', `the file of ${flag}, ${file}, ${why}`, { file }, { cause });
  }
}

/** Threads a worker runs by default. */
export function defaultThreads(): number {
  return availableParallelism();
}

/** Bytes of partitions a worker holds by default: a share of the machine, or of its container where that is smaller. */
export function defaultMemoryBytes(): number {
  const limit = process.constrainedMemory();
  const machine = totalmem();
  return Math.floor(memoryShare * (limit > 0 ? Math.min(limit, machine) : machine));
}

/** Puts the token of --nats-token-file into the URL: so it reaches the workers, too. */
export function natsUrlWith(url: string | undefined, tokenFile: string | undefined): string {
  if (url === undefined) {
    if (tokenFile !== undefined) {
      throw new VolleyError(
        'INVALID_ARGUMENT',
        '--nats-token-file says how to log in to NATS: give --nats URL, too',
      );
    }
    return '';
  }
  if (tokenFile === undefined) return url;
  const token = readText(tokenFile, '--nats-token-file').trim();
  return url.replace(/^(\w+:\/\/)(?:[^@/]*@)?/, `$1${encodeURIComponent(token)}@`);
}
