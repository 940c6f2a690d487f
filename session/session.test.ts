import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asCompleted, connect, type Delayed, delayed, type Future, type Session, wait } from '../index.js';

/** The session's verbs, embedded: real head, engine and threads in this process. */

let session: Session;
beforeAll(async () => {
  session = await connect({ threads: 2 });
});
afterAll(() => session.close());

const double = (x: number) => x * 2;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const fail = (text: string) => {
  throw new RangeError(text);
};
const spin = (ms: number) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
};

describe('submit', () => {
  test('arguments may hold futures and references, in arrays and plain objects', async () => {
    const two = session.submit(double, 1);
    const four = session.submit(double, two);
    await using shared = await session.scatter([10, 20]);
    const all = session.submit(
      (parts: { list: number[]; shared: number[]; nested: { four: number } }) => [
        ...parts.list,
        ...parts.shared,
        parts.nested.four,
      ],
      { list: [two, 7], shared, nested: { four } } as never,
    );
    expect(await all).toEqual([2, 7, 10, 20, 4]);
  });

  test('a future that has its value already is passed by value', async () => {
    const first = session.submit(double, 21);
    expect(await first).toBe(42);
    expect(await session.submit(double, first)).toBe(84);
  });

  test('a dependent of a failure fails with the root failure', async () => {
    const bad = session.submit(fail, 'no such thing');
    const after = session.submit(double, bad as unknown as number);
    await expect(after.then()).rejects.toThrow(RangeError);
    await expect(after.then()).rejects.toThrow('no such thing');
    expect(after.status).toBe('failed');
  });

  test('awaiting twice gives the same value; a result of 80 kB stays on the worker until asked for', async () => {
    const big = session.submit((n: number) => new Float64Array(n).fill(1), 10_000);
    expect((await big).length).toBe(10_000);
    expect(await big).toBe(await big);
    expect(await session.submit((v: Float64Array) => v[9_999], big)).toBe(1);
  });

  test('cancelled in the turn that submits it, it never runs', async () => {
    const future = session.submit(spin, 10_000);
    future.cancel();
    await expect(future.then()).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  test('options out of range are refused at once', () => {
    expect(() => session.with({ retries: -1 })).toThrow('retries must be a number of at least 0');
    expect(() => session.with({ timeoutMs: Number.NaN })).toThrow('timeoutMs');
  });
});

describe('map', () => {
  test('no items, an iterable, and futures as items', async () => {
    expect(session.map(double, [])).toEqual([]);
    expect(await session.gather(session.map(double, new Set([1, 2])))).toEqual([2, 4]);
    expect(await session.gather(session.map(double, session.map(double, [1, 2, 3])))).toEqual([4, 8, 12]);
  });

  test('an async iterable gives an async iterable of futures', async () => {
    async function* numbers() {
      yield 1;
      yield 2;
    }
    const values: number[] = [];
    for await (const future of session.map(double, numbers())) values.push(await future.result());
    expect(values).toEqual([2, 4]);
  });
});

describe('gather, wait, asCompleted', () => {
  test('gather keeps the shape', async () => {
    const one = session.submit(double, 1);
    expect(await session.gather({ a: [one, 5], b: 'text' })).toEqual({ a: [2, 5], b: 'text' });
    await expect(session.gather([one, session.submit(fail, 'first')])).rejects.toThrow('first');
  });

  test('wait with a count, with a time limit, with failures', async () => {
    const slow = session.submit(spin, 400);
    const quick = session.submit(double, 1);
    const bad = session.submit(fail, 'x');
    const some = await wait<unknown>([slow, quick, bad], { count: 2 });
    expect(some.done).toEqual([quick, bad]);
    expect(some.notDone).toEqual([slow]);
    expect((await wait<unknown>([slow], { timeoutMs: 1 })).notDone).toEqual([slow]);
    expect((await wait<unknown>([slow, bad])).done).toEqual([slow, bad]);
    expect(await wait([])).toEqual({ done: [], notDone: [] });
  });

  test('asCompleted gives each once, failures too', async () => {
    const futures: Future<unknown>[] = [
      session.submit(spin, 50),
      session.submit(fail, 'x'),
      session.submit(double, 4),
    ];
    const statuses: string[] = [];
    for await (const future of asCompleted(futures)) statuses.push(future.status);
    expect(statuses.sort()).toEqual(['done', 'done', 'failed']);
  });
});

describe('delayed', () => {
  const add = delayed((a: number, b: number) => a + b);
  const total = delayed(sum);

  test('a graph is computed once per node, in any shape', async () => {
    const shared = add(1, 2);
    expect(await session.compute(add(shared, shared))).toBe(6);
    expect(await session.compute({ x: shared, y: [add(shared, 1), 9] })).toEqual({ x: 3, y: [4, 9] });
    expect(await session.compute(total([add(1, 1), add(2, 2)] as never))).toBe(6);
    expect(await session.compute([] as Delayed<number>[])).toEqual([]);
  });

  test('a chain of a thousand calls', async () => {
    let chain = add(0, 1);
    for (let i = 0; i < 999; i++) chain = add(chain, 1);
    expect(await session.compute(chain)).toBe(1000);
  });

  test.each([20_000, 20])('persist keeps a result of %i numbers until release', async count => {
    const kept = await session.persist(delayed((n: number) => new Float64Array(n).fill(2))(count));
    const sum = (v: Float64Array) => v.reduce((a, b) => a + b);
    // A small result has come here with the news that it is done.
    for (let i = 0; i < 3; i++) expect(await session.submit(sum, kept)).toBe(2 * count);
    expect(await session.compute(delayed(sum)(kept as never))).toBe(2 * count);
    await expect(kept.get()).resolves.toHaveLength(count);
    await kept.release();
    await kept.release();
    await expect(session.submit(sum, kept).then()).rejects.toMatchObject({ code: 'RELEASED' });
  });
});

describe('explain and status', () => {
  test('a label nobody has', async () => {
    const future = session.with({ labels: { zone: 'moon' } }).submit(double, 1);
    const { state, reason } = await session.explain(future);
    expect(state).toBe('ready');
    expect(reason).toContain('zone=moon');
    future.cancel();
    await expect(future.then()).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(async () => session.explain('7')).rejects.toThrow('job/index');
  });

  test('status counts tasks and names the node', async () => {
    const status = await session.status();
    expect(status.workers).toMatchObject([{ name: 'this process', threads: 2 }]);
    expect(status.counters['tasks-finished']).toBeGreaterThan(0);
  });
});

test('a session that was closed says so', async () => {
  const other = await connect({ threads: 1 });
  const pending = other.submit(spin, 10_000);
  await other.close();
  await other.close();
  await expect(pending.then()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  expect(() => other.map(double, [1])).toThrow('the session was closed');
});
