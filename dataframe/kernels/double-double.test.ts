import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { compile } from '../codegen/compile.js';
import { testSeed } from '../testing/random-batch.js';
import {
  addDouble,
  divideDouble,
  low,
  multiplyDouble,
  productOfText,
  quotientOfText,
  sumOfText,
} from './double-double.js';

const seed = testSeed();

type Operation = (ah: number, al: number, bh: number, bl: number) => readonly [number, number];

const texts = {
  sum: sumOfText('r', ['ah', 'al'], ['bh', 'bl']),
  product: productOfText('r', ['ah', 'al'], ['bh', 'bl']),
  quotient: quotientOfText('r', ['ah', 'al'], 'bh'),
};

function generated(text: string): Operation {
  return compile<Operation>(['ah', 'al', 'bh', 'bl'], `${text}return [r,rl];`);
}

test('generated arithmetic on two floats has the bits of the functions', () => {
  const random = seededRng(seed);
  const functions: Record<keyof typeof texts, Operation> = {
    sum: (...args) => [addDouble(...args), low.part],
    product: (...args) => [multiplyDouble(...args), low.part],
    quotient: (ah, al, bh) => [divideDouble(ah, al, bh), low.part],
  };
  const strange = [0, -0, 1, Infinity, -Infinity, NaN, 2 ** 1023, 5e-324];
  const high = () =>
    random() < 0.1
      ? strange[Math.floor(random() * strange.length)]!
      : (random() - 0.5) * 2 ** Math.floor((random() - 0.5) * 200);
  for (const name of ['sum', 'product', 'quotient'] as const) {
    const made = generated(texts[name]);
    for (let round = 0; round < 20_000; round++) {
      const [ah, bh] = [high(), high()];
      const args = [ah, ah * 2 ** -54 * random(), bh, bh * 2 ** -54 * random()] as const;
      expect(made(...args), `${name} of ${args}, seed ${seed}`).toEqual(functions[name](...args));
    }
  }
});
