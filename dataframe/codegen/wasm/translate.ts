import type { Expression, ForStatement, Identifier, IfStatement, Statement } from 'acorn';
import { Expressions } from './expressions.js';
import { type Code, moduleOf, Op, Type } from './module.js';
import { type Access, type ArgumentType, Names, type NumberType } from './names.js';
import { pairOf } from './pairs.js';
import { parseKernel } from './parse.js';
import { Untranslatable } from './untranslatable.js';
import { hasVectors } from './vectors.js';

export { offsetBytes } from './expressions.js';
export { Untranslatable };

/** `kept`: it has to hold what it held before. `added`: what is literally added to an index may lead offsetBytes behind the array, at most. */
export interface ArrayUse {
  readonly access: Access;
  readonly written: boolean;
  readonly kept: boolean;
  readonly added: boolean;
}

export interface Translation {
  readonly module: Uint8Array<ArrayBuffer>;
  /** By argument, those of `bound` last: how arrays are touched; null: not at all, or it is no array. */
  readonly arrays: readonly (ArrayUse | null)[];
}

/**
 * A kernel's text as a WebAssembly module. Its language is the part of JavaScript that kernels are written in: numbers,
 * typed arrays, loops and branches. It means the same as JavaScript, but that an index outside of its array is an error, and
 * so is turning what is not below 2^63 to 32 bits. Arrays are passed as addresses, and after all arguments follows the length
 * of each array; that rows are within theirs is for the caller to see to. Throws Untranslatable.
 */
export function translate(
  parameters: readonly (readonly [string, ArgumentType])[],
  bound: readonly ArgumentType[],
  body: string,
): Translation {
  const statements = parseKernel(body);
  const names = new Names(parameters, bound);
  names.resolve(statements);
  const result = resultOf(statements, names);
  const code = new Statements(names, result).write(statements);
  const types = names.all.map(({ type, array }) =>
    array === null && type === 'double' ? Type.f64 : Type.i32,
  );
  const inputs = types.slice(0, names.parameterCount);
  const output = result === null ? null : result === 'double' ? Type.f64 : Type.i32;
  // The last local is for addresses.
  const locals = [...types.slice(names.parameterCount), Type.i32];
  return {
    module: moduleOf({
      parameters: inputs,
      result: output,
      locals,
      code: code.bytes,
      memory: 'shared',
    }),
    arrays: names.all
      .slice(0, names.argumentCount)
      .map(({ access, written, kept, added }) => (access === null ? null : { access, written, kept, added })),
  };
}

/** Turns of a small loop over rows that stand one after another, and up to how many bytes it is small. */
const copies = 4;
const repeatedBytes = 512;

/** Writes statements as instructions. */
class Statements {
  readonly #names: Names;
  readonly #result: NumberType | null;
  readonly #values: Expressions;
  /** Blocks that are open, and the depths to leave at by break and continue. */
  #depth = 0;
  readonly #loops: { readonly leave: number; readonly next: number }[] = [];

  constructor(names: Names, result: NumberType | null) {
    this.#names = names;
    this.#result = result;
    this.#values = new Expressions(names, names.all.length);
  }

  write(statements: readonly Statement[]): Code {
    this.#block(statements);
    const { code } = this.#values;
    // What is after the last return is never reached, but has to be well-formed.
    if (this.#result === 'double') code.double(0);
    else if (this.#result !== null) code.int(0);
    return code;
  }

  #block(statements: readonly Statement[]): void {
    for (let s = 0; s < statements.length; s++) {
      const pair = hasVectors() ? pairOf(statements[s]!, statements[s + 1], this.#names) : null;
      if (pair === null) this.#statement(statements[s]!);
      else {
        this.#values.addPair(pair);
        s++;
      }
    }
  }

  #statement(node: Statement): void {
    switch (node.type) {
      case 'EmptyStatement':
        break;
      case 'ExpressionStatement':
        if (node.directive === undefined) this.#values.effect(node.expression);
        break;
      case 'BlockStatement':
        this.#block(node.body);
        break;
      case 'VariableDeclaration':
        for (const { id, init } of node.declarations) {
          const name = this.#names.declared(id as Identifier);
          if (name !== null) this.#values.set(name, init!);
        }
        break;
      case 'IfStatement':
        this.#branch(node);
        break;
      case 'WhileStatement':
        this.#loop(node.test, null, node.body);
        break;
      case 'ForStatement':
        this.#for(node);
        break;
      case 'BreakStatement':
        this.#leave(Op.br, this.#loops.at(-1)!.leave);
        break;
      case 'ContinueStatement':
        this.#leave(Op.br, this.#loops.at(-1)!.next);
        break;
      case 'ReturnStatement':
        if (node.argument) this.#values.as(node.argument, this.#result!);
        this.#values.code.op(Op.return);
        break;
      default:
        throw new Untranslatable(node.type);
    }
  }

  #branch({ test, consequent, alternate }: IfStatement): void {
    this.#values.test(test);
    this.#open(Op.if);
    this.#statement(consequent);
    if (alternate) {
      this.#values.code.op(Op.else);
      this.#statement(alternate);
    }
    this.#close();
  }

  #for({ init, test, update, body }: ForStatement): void {
    if (init?.type === 'VariableDeclaration') this.#statement(init);
    else if (init) this.#values.effect(init);
    this.#loop(test ?? null, update ?? null, body);
  }

  /** The condition stands at both ends: one jump a turn. */
  #loop(test: Expression | null, update: Expression | null, body: Statement): void {
    const { code } = this.#values;
    const leave = this.#open(Op.block);
    if (test !== null) this.#leaveUnless(test, leave);
    const again = this.#open(Op.loop);
    const begin = code.bytes.length;
    const next = this.#open(Op.block);
    this.#loops.push({ leave, next });
    this.#statement(body);
    this.#loops.pop();
    this.#close();
    if (update !== null) {
      this.#values.effect(update);
      if (test !== null && isCount(update, 'i')) this.#repeat(code.bytes.slice(begin), test, leave);
    }
    if (test !== null) this.#values.test(test);
    this.#leave(test === null ? Op.br : Op.brIf, again);
    this.#close();
    this.#close();
  }

  /**
   * A few turns of a small loop over rows stand one after another: where they jump back, V8 asks each time whether the
   * thread is to be stopped. Written so, one sum of a hundred groups takes 0.85 instead of 1.5 ns a row. The turns are the same bytes.
   */
  #repeat(turn: readonly number[], test: Expression, leave: number): void {
    if (turn.length > repeatedBytes) return;
    for (let k = 1; k < copies; k++) {
      this.#leaveUnless(test, leave);
      this.#values.code.append(turn);
    }
  }

  #leaveUnless(test: Expression, leave: number): void {
    this.#values.test(test);
    this.#values.code.op(Op.i32Eqz);
    this.#leave(Op.brIf, leave);
  }

  #open(op: number): number {
    this.#values.code.op(op, Type.none);
    return ++this.#depth;
  }

  #close(): void {
    this.#values.code.op(Op.end);
    this.#depth--;
  }

  #leave(op: number, depth: number): void {
    this.#values.code.op(op);
    this.#values.code.unsigned(this.#depth - depth);
  }
}

/** `name++`, for what it does. */
function isCount(update: Expression, name: string): boolean {
  return (
    update.type === 'UpdateExpression' &&
    update.argument.type === 'Identifier' &&
    update.argument.name === name
  );
}

/** Of all returns together; null: it returns nothing. */
function resultOf(statements: readonly Statement[], names: Names): NumberType | null {
  const types = new Set<NumberType>();
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return;
    const { type, argument } = node as { type?: string; argument?: Expression | null };
    if (type === 'ReturnStatement' && argument) types.add(names.typeOf(argument)!);
    for (const value of Object.values(node)) visit(value);
  };
  visit(statements);
  if (types.size === 0) return null;
  return types.size === 1 && types.has('int') ? 'int' : 'double';
}
