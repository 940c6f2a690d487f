import { expect, test } from 'vitest';
import { checkVersions, ownVersions } from './handshake.js';

const own = { volley: '1.2.3', protocol: 4, node: 'v20.20.2' };

test('this process may join itself', () => {
  expect(checkVersions(ownVersions(), ownVersions(), 'worker w')).toBeNull();
});

test('Node may differ in its minor version', () => {
  expect(checkVersions(own, { ...own, node: 'v20.19.0' }, 'worker w')).toBeNull();
});

test.each([
  ['Volley', { ...own, volley: '1.2.4' }, ['1.2.3', '1.2.4']],
  ['protocol', { ...own, protocol: 5 }, ['protocol 4', 'protocol 5']],
  ['Node', { ...own, node: 'v24.1.0' }, ['v20.20.2', 'v24.1.0']],
  ['nonsense', { ...own, node: '' }, ['v20.20.2']],
])('another %s is refused, naming both', (_, theirs, names) => {
  const message = checkVersions(own, theirs, "worker 'w'");
  expect(message).toContain("worker 'w'");
  for (const name of names) expect(message).toContain(name);
});
