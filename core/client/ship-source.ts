import { acorn } from '../base/on-demand.js';
import { refuse } from './ship-refusal.js';
import type { FunctionNode } from './ship-scope.js';

/** The source of a function, parsed. The function is text[start, end); a method lacks its `function` keyword there. */
export interface ParsedFunction {
  readonly node: FunctionNode;
  readonly text: string;
  /** What must stand before text[node.start, node.end) to make it an expression. */
  readonly prefix: string;
}

/** Parses a function's own source. Refuses the kinds of functions that cannot travel, each with its reason. */
export function parseFunction(fn: Function): ParsedFunction {
  const source = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    if (fn.name.startsWith('bound ')) {
      throw refuse(
        fn,
        'bound',
        `it was made by bind(), which hides its source: pass what it is bound to as an argument`,
      );
    }
    throw refuse(
      fn,
      'native',
      'it is native code without a source: wrap it, as in (...args) => Math.max(...args)',
    );
  }
  const parsed = asExpression(source) ?? asMethod(fn, source);
  if (parsed === null) throw refuse(fn, 'unreadable', 'its source could not be read as strict JavaScript');
  if (parsed.node.generator) {
    throw refuse(
      fn,
      'generator',
      'it is a generator, whose result cannot travel: collect into an array and return that',
    );
  }
  return parsed;
}

function asExpression(source: string): ParsedFunction | null {
  const text = `(${source}\n)`;
  const node = parse(text);
  if (node === null) return null;
  if (node.type === 'ClassExpression') {
    throw refuse(
      source,
      'class',
      'it is a class: make the object inside of a task, or run the class as an actor',
    );
  }
  if (node.type !== 'FunctionExpression' && node.type !== 'ArrowFunctionExpression') return null;
  return { node, text, prefix: '' };
}

/** `name(…) {…}`: a shorthand method, rewritten as a function expression. */
function asMethod(fn: Function, source: string): ParsedFunction | null {
  const text = `(class {${source}\n})`;
  const node = parse(text);
  if (node?.type !== 'ClassExpression' || node.body.body.length !== 1) return null;
  const member = node.body.body[0]!;
  if (member.type !== 'MethodDefinition') return null;
  if (member.kind === 'get' || member.kind === 'set') {
    throw refuse(fn, 'accessor', `it is a ${member.kind}ter: make it a function`);
  }
  return { node: member.value, text, prefix: member.value.async ? 'async function ' : 'function ' };
}

const options = { ecmaVersion: 'latest', sourceType: 'module', preserveParens: false } as const;

function parse(text: string) {
  try {
    return acorn().parseExpressionAt(text, 0, options);
  } catch {
    return null;
  }
}
