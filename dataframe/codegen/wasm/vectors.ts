import type { Expression } from 'acorn';
import { wasm } from '../../../core/base/kernel-memory.js';
import { moduleOf, Op, Type } from './module.js';

let known: boolean | null = null;

/** Whether this machine's WebAssembly has instructions for vectors: V8 wants a processor with SSE 4.1 or its like. */
export function hasVectors(): boolean {
  known ??= compiles([Op.localGet, 0, ...Op.f64x2Splat, ...Op.f64x2Lane0]);
  return known;
}

function compiles(code: readonly number[]): boolean {
  const bytes = moduleOf({ parameters: [Type.f64], result: Type.f64, locals: [], code, memory: 'own' });
  try {
    return new wasm.Module(bytes) !== null;
  } catch {
    return false;
  }
}

/**
 * `x > y ? x : y` and its like, of variables: vectors have an instruction for it that takes no branch, as plain floats
 * do not. Null: something else.
 */
export function extremeOf(test: Expression, consequent: Expression, alternate: Expression) {
  if (test.type !== 'BinaryExpression') return null;
  const { operator, left, right } = test;
  const names = [left as Expression, right, consequent, alternate].map(side =>
    side.type === 'Identifier' ? side.name : null,
  );
  const [a, b, yes, no] = names;
  if (names.includes(null) || (operator !== '<' && operator !== '>')) return null;
  if (!((yes === a && no === b) || (yes === b && no === a))) return null;
  // The test is true when the smaller one is `less`; then it is `yes`, and else `no`: when they are equal or no numbers.
  const less = operator === '<' ? a : b;
  const op = yes === less ? Op.f64x2Pmin : Op.f64x2Pmax;
  return { first: alternate, second: consequent, op };
}
