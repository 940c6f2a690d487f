import { expect, test } from 'vitest';
import { limits } from '../../core/base/limits.js';
import { compile, quote } from './compile.js';

test('equal text is one function; what was used last stays', () => {
  const body = 'return a + 1;';
  const first = compile<(a: number) => number>(['a'], body);
  expect(first(1)).toBe(2);
  for (let k = 0; k < limits.compiledKernels - 1; k++) {
    compile(['a'], `return ${k};`);
    expect(compile(['a'], body)).toBe(first);
  }
  for (let k = 0; k < limits.compiledKernels; k++) compile(['a'], `return -${k};`);
  expect(compile(['a'], body)).not.toBe(first);
});

test('any text can be quoted', () => {
  const text = '"\\\n\u2028`';
  expect(compile<() => string>([], `return ${quote(text)};`)()).toBe(text);
});
