import { transformSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { packData } from '../wire/msgpack.js';
import { reviveFunction } from './revive.js';
import { toolSupport } from './ship-support.js';

interface SuppressedError extends Error {
  readonly error: Error;
  readonly suppressed: Error;
}

/** Code as esbuild lowers it for Node 20, tsx's compiler; its own helpers are cut off, as when shipped from a file. */
async function lowered(source: string): Promise<(...args: unknown[]) => unknown> {
  const { code } = transformSync(`export const task = ${source};`, {
    loader: 'ts',
    target: 'node20',
    supported: { using: false },
  });
  const at = code.indexOf('const task = ') + 'const task = '.length;
  const body = code.slice(at, code.indexOf('export {')).trim().replace(/;$/, '');
  expect(body).toContain('__using(');
  return reviveFunction(
    packData({ kind: 'function', name: 't', source: body, uses: ['__using', '__callDispose'] }),
  );
}

const failing = (name: string) => `{ [Symbol.dispose]() { throw new Error('${name}'); } }`;

describe('using declarations', () => {
  test('dispose last first, also when the block throws', async () => {
    const fn = await lowered(`(log) => {
      try {
        using a = { [Symbol.dispose]: () => log.push('a') };
        using none = null;
        using b = { [Symbol.dispose]: () => log.push('b') };
        throw new Error('block');
      } catch (error) { log.push(error.message); }
      return log;
    }`);
    expect(fn([])).toEqual(['b', 'a', 'block']);
  });

  test('an error while disposing keeps the one before it', async () => {
    const fn = await lowered(`() => { using a = ${failing('dispose')}; throw new Error('block'); }`);
    let caught: SuppressedError | undefined;
    try {
      fn();
    } catch (error) {
      caught = error as SuppressedError;
    }
    expect(caught).toMatchObject({ name: 'SuppressedError' });
    expect([caught?.error.message, caught?.suppressed.message]).toEqual(['dispose', 'block']);
  });

  test('await using waits for each', async () => {
    const fn = await lowered(`async (log) => {
      {
        await using a = { async [Symbol.asyncDispose]() { log.push('a'); } };
        await using b = { async [Symbol.asyncDispose]() { await null; log.push('b'); } };
      }
      return log;
    }`);
    expect(await fn([])).toEqual(['b', 'a']);
  });

  test('what cannot be disposed is refused', async () => {
    const fn = await lowered('() => { using a = {}; }');
    expect(fn).toThrow(/not disposable/);
  });

  test('the helper of vite’s compiler does the same', () => {
    const make = toolSupport.__usingCtx as () => { u(v: unknown): unknown; d(): unknown; e: unknown };
    const context = make();
    const log: string[] = [];
    context.u({ [Symbol.dispose]: () => log.push('a') });
    context.u({ [Symbol.dispose]: () => log.push('b') });
    context.e = new Error('block');
    expect(() => context.d()).toThrow('block');
    expect(log).toEqual(['b', 'a']);
    expect(make().d()).toBeUndefined();
  });
});
