import { expect, test } from 'vitest';
import type { FromThread } from './protocol.js';
import { Threads, type ThreadsOptions } from './threads.js';

// These start real threads, from dist/.

const options: ThreadsOptions = {
  threads: 3,
  memoryBytes: 256 * 2 ** 20,
  name: 'node',
  labels: {},
  allowPaths: null,
};

test('one thread starts at first, what it says is kept until somebody listens, then the others start', async () => {
  const threads = new Threads(options);
  try {
    expect(threads.piscina.threads.length).toBe(1);
    expect(await threads.piscina.run(null)).toBeNull();
    const said: string[] = [];
    const allLoaded = new Promise<void>(resolve => {
      threads.listen((message: FromThread) => {
        said.push(message.kind);
        if (said.filter(kind => kind === 'thread-loaded').length === 3) resolve();
      });
    });
    expect(said[0]).toBe('thread-ready');
    expect(threads.piscina.threads.length).toBe(1);
    threads.startOthers();
    await allLoaded;
    expect(threads.piscina.threads.length).toBe(3);
    // Nobody ends them for having nothing to do.
    expect(await threads.piscina.run(null)).toBeNull();
    expect(threads.piscina.threads.length).toBe(3);
  } finally {
    await threads.end();
  }
});

test('work for more than one starts the others at once', async () => {
  const threads = new Threads(options);
  try {
    const ended = [threads.piscina.run(null), threads.piscina.run(null), threads.piscina.run(null)];
    expect(threads.piscina.threads.length).toBe(3);
    expect(await Promise.all(ended)).toEqual([null, null, null]);
  } finally {
    await threads.end();
  }
});

test('the others do not start once it has ended', async () => {
  const threads = new Threads(options);
  threads.startOthers();
  await threads.end();
  expect(threads.piscina.threads.length).toBe(0);
});
