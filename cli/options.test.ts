import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  defaultMemoryBytes,
  natsUrlWith,
  parseBytes,
  parseCount,
  parseHeadUrl,
  parseLabel,
  parsePort,
  parseResource,
  readSecurity,
  readToken,
} from './options.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'volley-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test.each([
  ['2GB', 2e9],
  ['512MB', 512e6],
  ['1.5GiB', 1.5 * 2 ** 30],
  ['64 mib', 64 * 2 ** 20],
  ['1024', 1024],
])('size %s', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each(['', 'GB', '-1GB', '2 apples', '1e9', '0x10'])('size %j is refused with examples', text => {
  expect(() => parseBytes(text)).toThrowError('512MB');
});

test.each([
  ['grpc://node7:7460', 'node7:7460'],
  ['node7:1', 'node7:1'],
  ['node7', 'node7:7460'],
  ['grpc://10.0.0.1:9/', '10.0.0.1:9'],
  ['[::1]:9', '[::1]:9'],
])('head address %s', (text, address) => {
  expect(parseHeadUrl(text)).toBe(address);
});

test.each(['', 'http://x:1', 'a:b', 'a:1:2', 'grpc://'])('head address %j is refused with the form', text => {
  expect(() => parseHeadUrl(text)).toThrowError('grpc://host:7460');
});

test('labels and resources add up', () => {
  expect(parseLabel('zone=eu=1', { nodeType: 'vm' })).toEqual({ nodeType: 'vm', zone: 'eu=1' });
  expect(parseResource('gpu=2', {})).toEqual({ gpu: 2 });
  expect(() => parseLabel('zone', {})).toThrowError('key=value');
  for (const bad of ['gpu', 'gpu=', '=1', 'gpu=-1', 'gpu=x']) {
    expect(() => parseResource(bad, {})).toThrowError('name=amount');
  }
});

test('counts and ports are bounded', () => {
  expect(parseCount('12')).toBe(12);
  for (const bad of ['0', '-1', '1.5', 'x', '9999999999']) expect(() => parseCount(bad)).toThrow();
  expect(parsePort('0')).toBe(0);
  for (const bad of ['65536', '-1', 'x', '']) expect(() => parsePort(bad)).toThrow();
});

test('a token is the trimmed text of its file, 32 bytes or more', () => {
  const token = 'x'.repeat(32);
  expect(readToken(file('good', ` ${token}\n`), '--token-file')).toBe(token);
  expect(() => readToken(file('short', 'abc'), '--token-file')).toThrowError('openssl rand -hex 32');
  expect(() => readToken(join(folder, 'none'), '--token-file')).toThrowError('does not exist');
});

test('certificate and key go together', () => {
  expect(() => readSecurity({ tlsCert: file('cert', 'PEM') })).toThrowError('--tls-key');
  const flags = { tlsCa: file('ca', 'A'), tlsCert: file('cert', 'B'), tlsKey: file('key', 'C') };
  expect(readSecurity(flags).tls).toEqual({ ca: 'A', cert: 'B', key: 'C' });
});

test('the NATS token goes into the URL, which the workers are given', () => {
  const token = file('nats', 'a secret/token\n');
  expect(natsUrlWith(undefined, undefined)).toBe('');
  expect(natsUrlWith('nats://h:4222', undefined)).toBe('nats://h:4222');
  expect(natsUrlWith('nats://old@h:4222', token)).toBe('nats://a%20secret%2Ftoken@h:4222');
  expect(() => natsUrlWith(undefined, token)).toThrowError('--nats URL');
});

test('the default memory leaves room for everything else', () => {
  expect(defaultMemoryBytes()).toBeGreaterThan(64 * 2 ** 20);
  expect(defaultMemoryBytes()).toBeLessThan(2 ** 50);
});
