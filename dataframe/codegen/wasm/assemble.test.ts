import { expect, test } from 'vitest';
import { wasm } from '../../../core/base/kernel-memory.js';
import { functionFor, functionOver, giveBack, load32, localsOf } from './assemble.js';

const sharedPage = () => new wasm.Memory({ initial: 1, maximum: 1, shared: true });
const { get } = localsOf(['at']);

// Goal: what a thread rehearsed in memory of its own is not put together again for the node's.
test('a function is made once, whatever memories it is over', () => {
  const memories = [sharedPage(), sharedPage()];
  let made = 0;
  const runs = memories.map((memory, k) => {
    new Int32Array(memory.buffer)[2] = k + 7;
    const reader = () =>
      functionFor(memory, 'reads a word', () => {
        made++;
        return functionOver(memory, 1, 0, giveBack(load32(get('at'))));
      });
    expect(reader()).toBe(reader());
    return reader();
  });
  expect(made).toBe(1);
  expect(runs.map(run => run(8))).toEqual([7, 8]);
});
