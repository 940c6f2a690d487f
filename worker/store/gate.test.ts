import { expect, test } from 'vitest';
import { ByteGate } from './gate.js';

test('so many bytes at a time, in order; a large one goes alone', async () => {
  const gate = new ByteGate(100);
  const order: string[] = [];
  const enter = (name: string, bytes: number) =>
    gate.enter(bytes).then(leave => {
      order.push(name);
      return leave;
    });
  const a = await enter('a', 60);
  const b = await enter('b', 40);
  const large = enter('large', 500);
  const small = enter('small', 1);
  await null;
  expect(order).toEqual(['a', 'b']);
  a();
  a();
  await null;
  expect(order).toEqual(['a', 'b']);
  b();
  (await large)();
  (await small)();
  expect(order).toEqual(['a', 'b', 'large', 'small']);
});
