import { connect } from 'nats';
import { expect, test } from 'vitest';
import { startNats } from './nats.js';

// Goal: every test that needs a server gets a real one on a port of its own, and none is left behind.
test('a server takes connections, has JetStream, and is gone after stop', async () => {
  const server = await startNats();
  const nc = await connect({ servers: server.url });
  const account = await (await nc.jetstreamManager()).getAccountInfo();
  expect(account.streams).toBe(0);
  await nc.close();
  await server.stop();
  expect(() => process.kill(server.pid, 0)).toThrow();
});

test('a server with a token refuses another', async () => {
  const server = await startNats({ token: 'right' });
  await expect(connect({ servers: server.url, token: 'wrong' })).rejects.toThrow(/authorization/i);
  const nc = await connect({ servers: server.url, token: 'right' });
  await nc.close();
  await server.kill();
});
