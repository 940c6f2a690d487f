import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  connect,
  type FaultEvent,
  type Future,
  LocalCluster,
  type Session,
  VolleyError,
  wait,
} from '../../index.js';
import {
  abortEngine,
  alwaysThrows,
  busyDouble,
  declinePayment,
  increment,
  loopForever,
  rejectLater,
  returnCycle,
  returnFunction,
  returnPromiseInside,
  throwSeveral,
  throwsBefore,
  throwText,
} from './tasks.js';
import { lives, until } from './until.js';

/** Tasks that go wrong (FAULTS 15 to 21), through the public API: in this process and on real worker processes. */

let cluster: LocalCluster;
const sessions = new Map<string, Session>();
beforeAll(async () => {
  cluster = await LocalCluster.start({ workers: 2 });
  sessions.set('cluster', await cluster.connect());
  sessions.set('embedded', await connect({ threads: 2 }));
});
afterAll(async () => {
  await sessions.get('embedded')?.close();
  await cluster?.close();
});

interface TaskError extends Error {
  readonly task: { name: string; id: string; node: string; attempt: number };
  readonly cause: TaskError;
  readonly errors: TaskError[];
}

async function errorOf(future: PromiseLike<unknown>): Promise<TaskError> {
  try {
    await future;
  } catch (error) {
    return error as TaskError;
  }
  throw new Error('the task did not fail');
}

describe.each(['embedded', 'cluster'])('%s', where => {
  const session = () => sessions.get(where)!;

  // FAULTS 15.
  test('an error of its own arrives whole: class, code, properties, causes, both stacks, place', async () => {
    const future = session().submit(declinePayment, 12);
    const error = await awaitInNamedFunction(future);
    expect(error).toBeInstanceOf(Error);
    expect(error.constructor.name).toBe('PaymentError');
    expect(error).toMatchObject({ message: 'declined 12', code: 'E_DECLINED', amount: 12 });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(error.cause.message).toBe('no such card');
    expect(error.cause.cause).toBeInstanceOf(RangeError);
    const [remote, local] = error.stack!.split('---- awaited here ----');
    expect(remote).toMatch(/PaymentError: declined 12\n +at declinePayment/);
    expect(local).toMatch(/faults\.test\.ts/);
    const { job, index } = future.task;
    expect(error.task).toMatchObject({ name: 'declinePayment', id: `${job}/${index}`, attempt: 1 });
    const nodes = (await session().status()).workers.map(worker => worker.name);
    expect(nodes).toContain(error.task.node);
    expect(future.status).toBe('failed');
  });

  test('an error that arrived before somebody awaits it names the awaiting place too', async () => {
    const futures = session().map(declinePayment, [1, 2]);
    await wait(futures);
    const alone = await awaitInNamedFunction(futures[0]!);
    const [, local] = alone.stack!.split('---- awaited here ----');
    expect(local).toMatch(/awaitInNamedFunction .*faults\.test\.ts/);
    const together = await errorOf(session().gather([futures[1]!]));
    expect(together.stack!.split('---- awaited here ----')[1]).toMatch(/faults\.test\.ts/);
  });

  test('members of an AggregateError, values that are no errors, late rejections', async () => {
    const several = await errorOf(session().submit(throwSeveral));
    expect(several).toBeInstanceOf(AggregateError);
    expect(several.errors.map(String)).toEqual(['TypeError: first', 'Error: second']);
    expect(several.errors[0]).toBeInstanceOf(TypeError);
    expect(several.errors[1]!.cause).toBe('why');
    expect(await errorOf(session().submit(throwText))).toBe('only a text');
    expect(await errorOf(session().submit(rejectLater))).toMatchObject({ message: 'too late', errno: -5 });
  });

  test('the first failure of many is thrown; dependants fail with the cause, not with a riddle', async () => {
    const failing = session().submit(alwaysThrows, 'root of it');
    const dependant = session().submit(increment, failing);
    const error = await errorOf(dependant);
    expect(error).toMatchObject({ name: 'RangeError', message: 'root of it' });
    expect(error.task.name).toBe('alwaysThrows');
    await expect(session().gather([session().submit(increment, 1), failing])).rejects.toThrow('root of it');
  });

  // FAULTS 16.
  test.each([
    ['a function in it', returnFunction, /depth\.callback is a function/],
    ['a cycle in it', returnCycle, /a cycle/],
    ['a promise in it', returnPromiseInside, /later is a Promise: await it first/],
  ])('a result with %s: a typed error, and the node is well', async (_, fn, message) => {
    const error = await errorOf(session().submit(fn));
    expect(error).toMatchObject({ name: 'VolleyError', code: 'SERIALIZATION' });
    expect(error.message).toMatch(message);
    const futures = session().map(increment, [1, 2, 3, 4]);
    expect(await session().gather(futures)).toEqual([2, 3, 4, 5]);
  });

  // FAULTS 17.
  test('a task past its time limit is ended, also in an endless loop, and its slot comes back', async () => {
    const limited = session().with({ timeoutMs: 150 });
    const endless = Array.from({ length: 2 }, () => limited.submit(loopForever));
    const errors = await Promise.all(endless.map(errorOf));
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'VolleyError', code: 'TIMEOUT' });
      expect(error.message).toMatch(/150 ms/);
      expect(error.task.name).toBe('loopForever');
    }
    // Both threads were taken: these need them back.
    const jobs = Array.from({ length: 8 }, (_, i) => ({ i, ms: 5 }));
    expect(await session().gather(session().map(busyDouble, jobs))).toEqual(jobs.map(({ i }) => i * 2));
  });

  test('retries: only as often and only for what was asked; never without being asked', async () => {
    const twice = session().with({ retries: 2 });
    expect(await twice.submit(throwsBefore, { i: 5, attempt: 3 })).toBe(5);
    const never = await errorOf(session().submit(throwsBefore, { i: 5, attempt: 2 }));
    expect(never.message).toBe('attempt 1 of task 5 fails');
    const exhausted = await errorOf(
      session().with({ retries: 1 }).submit(throwsBefore, { i: 6, attempt: 9 }),
    );
    expect(exhausted).toMatchObject({ message: 'attempt 2 of task 6 fails', task: { attempt: 2 } });
    const only = session().with({ retries: 3, retryOn: [TypeError, 'E_DECLINED'] });
    expect((await errorOf(only.submit(alwaysThrows, 'not listed'))).task.attempt).toBe(1);
    const listed = session().with({ retries: 1, retryOn: 'E_DECLINED' }).submit(declinePayment, 3);
    expect((await errorOf(listed)).task.attempt).toBe(2);
  });

  test('arguments that cannot travel are refused at once, by place', () => {
    const bad = { ok: 1, deep: [{ fn: () => 1 }] };
    expect(() => session().submit(increment as (x: never) => number, bad as never)).toThrow(VolleyError);
    expect(() => session().submit(increment as (x: never) => number, bad as never)).toThrow(
      /deep\[0\]\.fn is a function/,
    );
  });
});

// FAULTS 19.
test('a task that takes its engine along: restarted, told with the cause of death, and everything finishes', async () => {
  const session = sessions.get('cluster')!;
  const faults: FaultEvent[] = [];
  const stop = session.onFault(event => faults.push(event));
  const engines = cluster.workers.map(worker => worker.enginePid);
  const jobs = Array.from({ length: 60 }, (_, i) => ({ i, ms: 10 }));
  const others = session.map(busyDouble, jobs);
  const killer = session.submit(abortEngine, { i: 77, lastBadAttempt: 1 });
  expect(await killer).toBe(77);
  expect(await session.gather(others)).toEqual(jobs.map(({ i }) => i * 2));
  await until(async () => (await session.status()).workers.length === 2);
  // Events are hints: they may come after the results.
  await until(() => faults.some(event => event.kind === 'engine-crashed'));
  const crash = faults.find(event => event.kind === 'engine-crashed')!;
  // How it ended, what memory it held, and what it was running.
  const { job, index } = killer.task;
  expect(crash.detail).toMatch(/signal SIGKILL, [1-9]\d* MiB resident, running /);
  expect(crash.detail).toContain(`${job}/${index}`);
  expect(engines).toContain(crash.pid);
  expect(lives(crash.pid!)).toBe(false);
  await until(() => !cluster.workers.some(worker => worker.enginePid === crash.pid));
  stop();
});

// FAULTS 21.
test('a task that kills three engines is quarantined with its history; the cluster goes on', async () => {
  const session = sessions.get('cluster')!;
  const faults: FaultEvent[] = [];
  const stop = session.onFault(event => faults.push(event));
  const error = await errorOf(session.submit(abortEngine, { i: 1, lastBadAttempt: 99 }));
  expect(error).toMatchObject({ name: 'VolleyError', code: 'TASK_QUARANTINED' });
  expect(error.message).toContain('3 engines');
  const { data } = error as unknown as VolleyError;
  expect((data.history as string[]).filter(line => /attempt [123]/.test(line)).length).toBeGreaterThanOrEqual(
    3,
  );
  // A crash is told by the engine that follows: another attempt may have begun by then.
  await until(() => faults.filter(event => event.kind === 'engine-crashed').length >= 3);
  await until(() => faults.some(event => event.kind === 'task-quarantined'));
  expect(faults.find(event => event.kind === 'task-quarantined')).toMatchObject({ taskName: 'abortEngine' });
  stop();
  await until(async () => (await session.status()).workers.length === 2);
  expect(await session.gather(session.map(increment, [1, 2, 3]))).toEqual([2, 3, 4]);
});

test('failures nobody looks at do not end the process', () => {
  const index = new URL('../../dist/index.js', import.meta.url).href;
  const program = `
    import { connect } from ${JSON.stringify(index)};
    const session = await connect({ threads: 1 });
    const futures = [1, 2, 3].map(n => session.submit((n) => { throw new Error('nobody cares ' + n); }, n));
    const after = session.submit(n => n + 1, futures[0]);
    await Promise.all([...futures, after].map(f => new Promise(done => f.whenSettled(done))));
    console.log(futures.map(f => f.status).join(), after.status, await session.submit(() => 'alive'));
    await session.close();`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, VOLLEY_HEAD: '' },
  });
  expect({ status, stdout, stderr }).toEqual({
    status: 0,
    stdout: 'failed,failed,failed failed alive\n',
    stderr: '',
  });
});

/** Its name and file belong into the stack. */
async function awaitInNamedFunction(
  future: Future<unknown>,
): Promise<TaskError & { code: unknown; amount: unknown }> {
  try {
    await future;
  } catch (error) {
    return error as never;
  }
  throw new Error('the task did not fail');
}
