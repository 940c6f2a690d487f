import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import type { FailureData } from '../graph/failure.js';
import { fromFailure, toFailure } from './failure.js';

const task = { name: 'load', id: '7/3', node: 'worker-1', attempt: 2 };

/** Through structuredClone: a failure is plain data wherever it goes. */
function trip(error: unknown, localStack?: string): unknown {
  return fromFailure(structuredClone(toFailure(error, task)), localStack);
}

class InsufficientFunds extends Error {
  readonly missing = 12n;
  readonly account = { id: 5, at: new Date(0) };
}

// FAULTS row 15.
describe('failures arrive whole', () => {
  test('builtin classes', () => {
    for (const Class of [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError]) {
      const error = new Class('why');
      const back = trip(error) as Error;
      expect(back).toBeInstanceOf(Class);
      expect(back).toMatchObject({ name: error.name, message: 'why', stack: error.stack });
    }
  });

  test('a class the caller does not have', () => {
    const back = trip(new InsufficientFunds('too little')) as InsufficientFunds;
    expect(back).toBeInstanceOf(Error);
    expect(back.name).toBe('InsufficientFunds');
    expect(back.constructor.name).toBe('InsufficientFunds');
    expect(back.missing).toBe(12n);
    expect(back.account).toEqual({ id: 5, at: new Date(0) });
    expect(back.stack).toMatch(/^InsufficientFunds: too little\n {4}at .*failure\.test/);
    expect(inspect(back)).toContain('InsufficientFunds: too little');
  });

  test('code, cause chain and where it happened', () => {
    const root = Object.assign(new Error('no such file'), { code: 'ENOENT', errno: -2 });
    const back = trip(
      new TypeError('cannot load', { cause: new InsufficientFunds('mid', { cause: root }) }),
    ) as Error;
    const middle = back.cause as Error;
    expect(middle.name).toBe('InsufficientFunds');
    expect(middle.cause).toMatchObject({ message: 'no such file', code: 'ENOENT', errno: -2 });
    expect((back as Error & { task: unknown }).task).toEqual(task);
    expect(Object.keys(back)).toEqual([]);
  });

  test('both stacks', () => {
    const error = new Error('remote');
    const back = trip(error, new Error('submitted').stack) as Error;
    expect(back.stack!.startsWith(error.stack!)).toBe(true);
    expect(back.stack).toMatch(/---- awaited here ----\n {4}at .*failure\.test/);
  });

  test('AggregateError with its members', () => {
    const back = trip(
      new AggregateError([new TypeError('a'), 'text', new InsufficientFunds('b')], 'both'),
    ) as AggregateError;
    expect(back).toBeInstanceOf(AggregateError);
    expect(back.errors[0]).toBeInstanceOf(TypeError);
    expect(back.errors[1]).toBe('text');
    expect(back.errors[2].name).toBe('InsufficientFunds');
  });

  test('VolleyError with code and data', () => {
    const back = trip(
      new VolleyError('COLUMN_NOT_FOUND', 'no column', { nearest: ['a', 'b'] }),
    ) as VolleyError;
    expect(back).toBeInstanceOf(VolleyError);
    expect(back).toMatchObject({
      code: 'COLUMN_NOT_FOUND',
      message: 'no column',
      data: { nearest: ['a', 'b'] },
    });
  });

  test('what is no Error comes back as the value', () => {
    expect(trip('just text')).toBe('just text');
    expect(trip(undefined)).toBe(undefined);
    expect(trip({ code: 404, at: new Date(1) })).toEqual({ code: 404, at: new Date(1) });
    expect(trip(Symbol('odd'))).toBe('Symbol(odd)');
  });

  test('DOMException keeps its name', () => {
    expect(trip(new DOMException('stopped', 'AbortError'))).toMatchObject({
      name: 'AbortError',
      message: 'stopped',
    });
  });
});

describe('reporting a failure never fails', () => {
  test('properties that cannot travel are left out', () => {
    const error = Object.assign(new Error('x'), { keep: 1, socket: process.stdout, callback() {} });
    expect(Object.keys(trip(error) as object)).toEqual(['keep']);
  });

  test('getters that throw', () => {
    const error = new Error('x');
    Object.defineProperty(error, 'worse', {
      enumerable: true,
      get() {
        throw new Error('again');
      },
    });
    Object.defineProperty(error, 'cause', {
      get() {
        throw new Error('again');
      },
    });
    expect((trip(error) as Error).message).toBe('x');
  });

  test('a cause that is its own cause is cut off', () => {
    const error = new Error('loop');
    error.cause = error;
    let depth = 0;
    for (let at: FailureData | undefined = toFailure(error); at !== undefined; at = at.cause) depth++;
    expect(depth).toBe(limits.failureDepth + 1);
  });

  test('huge messages are cut', () => {
    const back = trip(new Error('x'.repeat(1_000_000))) as Error;
    expect(back.message.length).toBeLessThan(limits.failureTextChars + 100);
  });

  test('bytes damaged on the way', () => {
    const damaged = new Uint8Array([0xc1, 0xc1]);
    const failure = { name: 'TypeError', message: 'why', stack: '', properties: damaged };
    expect(fromFailure(failure)).toBeInstanceOf(TypeError);
    expect(fromFailure({ ...failure, thrown: damaged })).toBe('why');
  });

  test('an error of another realm', () => {
    const foreign = runInNewContext("new TypeError('from afar')");
    expect(trip(foreign)).toBeInstanceOf(TypeError);
  });

  test('a wide tree of members is bounded', () => {
    let error: Error = new Error('leaf');
    for (let i = 0; i < 20; i++) error = new AggregateError(Array.from({ length: 70 }, () => error));
    expect(() => toFailure(error)).not.toThrow();
  });
});
