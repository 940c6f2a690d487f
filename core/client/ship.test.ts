import { describe, expect, test } from 'vitest';
import { isVolleyError, type VolleyError } from '../base/errors.js';
import { reviveFunction } from './revive.js';
import { shipFunction } from './ship.js';
import { taskContext } from './task-context.js';

/** A function whose source is exactly this text. */
function fromSource(source: string, names: readonly string[] = []): Function {
  return new Function(...names, `return (${source}\n);`)(...names.map(() => 1));
}

function refusal(fn: Function): VolleyError {
  try {
    shipFunction(fn);
  } catch (error) {
    if (isVolleyError(error, 'FUNCTION_NOT_SHIPPABLE')) return error;
    throw error;
  }
  throw new Error('it was shipped');
}

const call = async (fn: Function, ...args: unknown[]): Promise<unknown> =>
  (await reviveFunction(shipFunction(fn).body))(...args);

describe('free names are found by the scope rules', () => {
  test.each([
    ['a parameter', '(a) => a', []],
    ['defaults see earlier parameters', '(a, b = a + c) => b', ['c']],
    ['a default does not see the body', '(a = inner) => { const inner = 1; return a + inner; }', ['inner']],
    ['destructuring', '({ a, b: [c, ...d], ...e }, [f = x] = y) => [a, c, d, e, f]', ['x', 'y']],
    ['destructuring with computed keys', '({ [k]: v }) => v', ['k']],
    ['let is seen in its block only', '() => { { let a = 1; } return a; }', ['a']],
    ['var is hoisted out of blocks', '() => { if (x) { var a = 1; } return a; }', ['x']],
    ['var is hoisted out of loops', '() => { for (var i of []) {} return i; }', []],
    ['a loop head has a scope', '() => { for (const i of []) { i; } return i; }', ['i']],
    ['function declarations are hoisted', '() => { return f(); function f() { return g; } }', ['g']],
    ['a function in a block stays there', '() => { { function f() {} } return f; }', ['f']],
    ['the own name of a function expression', 'function f(n) { return n ? f(n - 1) : 0; }', []],
    ['the name of an inner function expression', '() => { (function g() { g(); })(); return g; }', ['g']],
    ['a class name inside of it', '() => class A { static a = A; }', []],
    [
      'class members are no names',
      '() => { class A { b = c; d() { return this.b; } [e]() {} } return A; }',
      ['c', 'e'],
    ],
    ['a superclass', '() => class extends Base {}', ['Base']],
    ['static blocks', '() => class { static { var a = b; a; } }', ['b']],
    [
      'a catch parameter',
      '() => { try {} catch ({ message }) { return message; } return message; }',
      ['message'],
    ],
    ['labels are no names', '() => { outer: for (;;) { break outer; } }', []],
    ['property names are no names', '(o) => ({ x: o.y, z() {}, [w]: 1 })', ['w']],
    ['a shorthand property is a use', '() => ({ a })', ['a']],
    ['assignment is a use', '() => { count += 1; }', ['count']],
    ['assignment patterns are uses', '(o) => { ({ a, b: [c] } = o); }', ['a', 'c']],
    ['typeof is a use', '() => typeof a', ['a']],
    ['template literals', ['(a) => tag`', 'a}', 'b}`'].join('${'), ['b', 'tag']],
    ['optional chaining', '(a) => a?.b?.[c]?.(d)', ['c', 'd']],
    [
      'switch cases share a scope',
      '(x) => { switch (x) { case 1: let a = 1; default: return a + b; } }',
      ['b'],
    ],
    ['nested arrows see outer parameters', '(a) => (b) => () => a + b + c', ['c']],
    ['arguments of a function', 'function () { return arguments.length; }', []],
    ['arguments of an arrow', '() => arguments.length', ['arguments']],
    [
      'globals',
      '() => [Math.max(1), JSON, Intl, fetch, process, Buffer, structuredClone, undefined, NaN]',
      [],
    ],
    ['what test runners put on globalThis is no global', '() => __vitest_worker__', ['__vitest_worker__']],
    ['require', '() => require("fs")', ['require']],
    ['new.target', 'function () { return new.target; }', []],
  ])('%s', (_name, source, names) => {
    const fn = fromSource(source);
    if (names.length === 0) expect(shipFunction(fn).hash).toMatch(/^[0-9a-f]{32}$/);
    else expect([...(refusal(fn).data.names as string[])].sort()).toEqual(names);
  });
});

describe('refusals name the reason and the way out', () => {
  const threshold = 5;
  const scale = 2;

  test('captured names are the user’s, all of them', () => {
    const error = refusal(function keepLarge(x: number) {
      return x > threshold * scale;
    });
    expect(error.message).toMatch(/^`threshold`, `scale` are not defined inside the task `keepLarge`/);
    expect(error.message).toContain('importTask(import.meta.url');
    expect(error.data).toMatchObject({
      names: ['threshold', 'scale'],
      task: 'keepLarge',
      reason: 'captured',
    });
  });

  test('an import that vitest rewrote goes by its own name', () => {
    expect(refusal(() => shipFunction(() => 1)).data.names).toEqual(['shipFunction']);
  });

  test('vitest’s forms of imports', async () => {
    const names = (source: string) => refusal(fromSource(source)).data.names;
    expect(names('(x) => (0, __vi_import_0__.add)(x)')).toEqual(['add']);
    expect(names('(x) => ({ add: __vite_ssr_import_12__.add, x })')).toEqual(['add']);
    expect(names('(x) => __vite_ssr_import_0__["a b"](x)')).toEqual(['a b']);
    expect(names('() => __vite_ssr_import_0__')).toEqual(['* (a namespace import)']);
    expect(names('() => __vite_ssr_import_0__.Math')).toEqual(['Math']);
    const context = fromSource(
      '() => { try { (0,__vi_import_0__.taskContext)(); } catch (e) { return e.code; } }',
    );
    expect(await call(context)).toBe('NOT_FOUND');
  });

  test.each<[string, Function, string]>([
    ['native', Math.max, 'native'],
    ['bound', ((a: number) => a).bind(null), 'bound'],
    ['a proxy', new Proxy(() => 1, {}), 'native'],
    ['a class', class Counter {}, 'class'],
    ['a generator', function* () {}, 'generator'],
    ['an async generator', async function* () {}, 'generator'],
    [
      'a getter',
      Object.getOwnPropertyDescriptor(
        {
          get g() {
            return 1;
          },
        },
        'g',
      )!.get!,
      'accessor',
    ],
    ['this in an arrow', fromSource('() => this'), 'keyword'],
    ['this in a function', fromSource('function () { return this.x; }'), 'keyword'],
    [
      'super in a method',
      {
        m() {
          return super.toString();
        },
      }.m,
      'keyword',
    ],
    ['a relative import', () => import('./ship.js'), 'relative-import'],
    ['sloppy code', fromSource('function () { with ({}) {} }'), 'unreadable'],
    [
      'a helper renamed by a minifier',
      fromSource('() => { const f = s(() => 1, "f"); return f(); }'),
      'renamed-helper',
    ],
  ])('%s', (_name, fn, reason) => {
    expect(refusal(fn).data.reason).toBe(reason);
  });

  test('import.meta', () => {
    expect(refusal(() => import.meta.url).data.reason).toBe('keyword');
  });

  test('what is no function', () => {
    expect(refusal('text' as unknown as Function).data.reason).toBe('not-a-function');
  });
});

describe('shipped functions', () => {
  test('shorthand, async and computed methods', async () => {
    const key = 'computed';
    const holder = {
      plain(a: number) {
        return a + 1;
      },
      async later(a: number) {
        return a + 2;
      },
      [key](a: number) {
        return a + 3;
      },
    };
    expect(await call(holder.plain, 1)).toBe(2);
    expect(await call(holder.later, 1)).toBe(3);
    expect(await call(holder.computed, 1)).toBe(4);
    expect((await reviveFunction(shipFunction(holder.plain).body)).name).toBe('plain');
  });

  test('private methods', async () => {
    class A {
      readonly field = 1;
      static method() {
        return A.#hidden;
      }
      static #hidden(a: number) {
        return a * 2;
      }
    }
    expect(await call(A.method(), 21)).toBe(42);
  });

  test('are strict code', async () => {
    expect(
      await call(fromSource('function () { return (function () { return this === undefined; })(); }')),
    ).toBe(true);
  });

  test('the same function is analysed once, equal ones have one hash', () => {
    const make = () => (a: number) => a + 1;
    const first = make();
    expect(shipFunction(first)).toBe(shipFunction(first));
    expect(shipFunction(make())).toBe(shipFunction(first));
    expect(shipFunction((a: number) => a + 2).hash).not.toBe(shipFunction(first).hash);
  });

  test('a source with a line comment at the end', async () => {
    expect(await call(fromSource('(a) => a // the end'), 3)).toBe(3);
  });

  test('taskContext is unwrapped from what vitest makes of it', async () => {
    const error = await call(() => {
      try {
        return taskContext().task;
      } catch (e) {
        return (e as VolleyError).code;
      }
    });
    expect(error).toBe('NOT_FOUND');
  });
});
