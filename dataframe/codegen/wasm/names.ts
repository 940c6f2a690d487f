import type { Expression, Identifier, MemberExpression, Node, Statement } from 'acorn';
import { Untranslatable } from './untranslatable.js';

/** What a typed array holds. */
export type Element = 'i8' | 'u8' | 'i16' | 'u16' | 'i32' | 'u32' | 'f32' | 'f64';

/** What a kernel is called with: arrays, numbers that are 32-bit integers (never -0) or not, or nothing that it uses. */
export type ArgumentType = Element | 'int' | 'double' | 'none';

/** How numbers are held: signed or unsigned 32-bit integers, or floats. Truth values are 'int' 0 or 1. */
export type NumberType = 'int' | 'uint' | 'double';

/**
 * Which elements row `i` touches: [i], [2*i] and [2*i+1], the bit of a bitmap ([i>>3]), or any. Arrays of the first three
 * kinds can be handed over in pieces.
 */
export type Access = 'row' | 'pair' | 'bit' | 'any';

/** A variable, or an argument. */
export interface Name {
  readonly text: string;
  /** Of a variable; null: nothing was assigned yet. Of an array: null. */
  type: NumberType | null;
  readonly array: Element | null;
  /** Index of the WebAssembly local. */
  readonly local: number;
  /** Of an array argument: the local that holds its length. */
  length: number;
  /** Of arrays: null as long as it was not used. */
  access: Access | null;
  written: boolean;
  /** It matters what it held before: it is read, or not every row is written. */
  kept: boolean;
  /** Some index is a sum with a literal. */
  added: boolean;
  /** Of a variable: it only ever holds what conditions give. */
  truth: boolean;
}

/** The names of a kernel's text, and the types of its numbers. */
export class Names {
  /** By local: arguments, those bound, lengths of all arrays, variables. */
  readonly all: Name[] = [];
  readonly argumentCount: number;
  /** Arguments and lengths. */
  readonly parameterCount: number;
  readonly #uses = new Map<Identifier, Name>();
  readonly #assignments: { readonly to: Name; readonly value: Expression }[] = [];
  readonly #scopes: Map<string, Name>[] = [new Map()];
  readonly #bound: readonly Name[];
  /** Branches that the text is in; a jump makes everything one. */
  #branches = 0;

  /** `bound`: types of what the argument `P` lists. */
  constructor(parameters: readonly (readonly [string, ArgumentType])[], bound: readonly ArgumentType[]) {
    for (const [text, type] of parameters) this.#scopes[0]!.set(text, this.#argument(text, type));
    this.#bound = bound.map((type, k) => this.#argument(`P[${k}]`, type));
    this.argumentCount = this.all.length;
    for (const name of this.all.slice())
      if (name.array !== null) name.length = this.#argument('length', 'int').local;
    this.parameterCount = this.all.length;
  }

  of(identifier: Identifier): Name {
    return this.#uses.get(identifier)!;
  }

  /** Of a declaration; null where it only gives a name to what is bound. */
  declared(identifier: Identifier): Name | null {
    return this.#uses.get(identifier) ?? null;
  }

  /** Looks every name up, and finds the types. */
  resolve(body: readonly Statement[]): void {
    for (const statement of body) this.#statement(statement);
    for (let changed = true; changed; ) {
      changed = false;
      for (const { to, value } of this.#assignments) {
        const type = join(to.type, this.typeOf(value));
        const truth = to.truth && this.isTruth(value);
        changed ||= type !== to.type || truth !== to.truth;
        to.type = type;
        to.truth = truth;
      }
    }
  }

  /** Whether the value is true or false. */
  isTruth(node: Expression): boolean {
    switch (node.type) {
      case 'Identifier':
        return !constants.has(node.name) && this.of(node).truth;
      case 'ParenthesizedExpression':
        return this.isTruth(node.expression);
      case 'BinaryExpression':
        return comparing.has(node.operator);
      case 'UnaryExpression':
        return node.operator === '!';
      case 'LogicalExpression':
        return this.isTruth(node.left) && this.isTruth(node.right);
      default:
        return false;
    }
  }

  /** Of the value as JavaScript has it; null while unknown. */
  typeOf(node: Expression): NumberType | null {
    switch (node.type) {
      case 'Literal':
        return isInt32(node.value) ? 'int' : 'double';
      case 'Identifier':
        return constants.has(node.name) ? 'double' : this.of(node).type;
      case 'ParenthesizedExpression':
        return this.typeOf(node.expression);
      case 'MemberExpression':
        return elementType(this.arrayOf(node).array!);
      case 'BinaryExpression':
        return binaryType(node.operator);
      case 'LogicalExpression':
        return 'int';
      case 'UnaryExpression': {
        const { operator, argument } = node;
        if (operator === '-')
          return argument.type === 'Literal' && isInt32(-Number(argument.value)) ? 'int' : 'double';
        return operator === '+' ? 'double' : 'int';
      }
      case 'ConditionalExpression':
        return join(this.typeOf(node.consequent), this.typeOf(node.alternate));
      case 'AssignmentExpression':
        return node.operator === '=' ? this.typeOf(node.right) : binaryType(node.operator.slice(0, -1));
      case 'UpdateExpression':
        return this.typeOf(node.argument);
      case 'CallExpression': {
        const callee = mathName(node.callee as Expression);
        return callee === 'imul' || callee === 'clz32' ? 'int' : 'double';
      }
      default:
        throw new Untranslatable(node.type);
    }
  }

  /** The array in `array[index]`. */
  arrayOf(node: MemberExpression): Name {
    if (node.object.type !== 'Identifier' || !node.computed) throw new Untranslatable('a property');
    const name = this.of(node.object);
    if (name.array === null) throw new Untranslatable(`${name.text} is no array`);
    return name;
  }

  #argument(text: string, type: ArgumentType): Name {
    if (type === 'int' || type === 'double') return this.#add(text, type, null);
    return this.#add(text, null, type === 'none' ? null : type);
  }

  #add(text: string, type: NumberType | null, array: Element | null): Name {
    const name = {
      text,
      type,
      array,
      local: this.all.length,
      length: -1,
      access: null,
      written: false,
      kept: false,
      added: false,
      truth: type === null && array === null,
    };
    this.all.push(name);
    return name;
  }

  #lookUp(text: string): Name {
    const found = this.#scopes.findLast(scope => scope.has(text))?.get(text);
    if (found === undefined) throw new Untranslatable(text);
    return found;
  }

  #scoped(work: () => void): void {
    this.#scopes.push(new Map());
    work();
    this.#scopes.pop();
  }

  #statement(node: Statement | Node): void {
    const statement = node as Statement;
    switch (statement.type) {
      case 'EmptyStatement':
        break;
      case 'BreakStatement':
      case 'ContinueStatement':
        for (const name of this.all) name.kept = true;
        this.#branches++;
        break;
      case 'ExpressionStatement':
        if (statement.directive === undefined) this.#expression(statement.expression);
        break;
      case 'BlockStatement':
        this.#scoped(() => {
          for (const each of statement.body) this.#statement(each);
        });
        break;
      case 'IfStatement':
        this.#expression(statement.test);
        this.#branches++;
        this.#scoped(() => this.#statement(statement.consequent));
        if (statement.alternate) this.#scoped(() => this.#statement(statement.alternate!));
        this.#branches--;
        break;
      case 'WhileStatement':
        this.#expression(statement.test);
        this.#scoped(() => this.#statement(statement.body));
        break;
      case 'ForStatement':
        this.#scoped(() => {
          if (statement.init?.type === 'VariableDeclaration') this.#statement(statement.init);
          else if (statement.init) this.#expression(statement.init);
          if (statement.test) this.#expression(statement.test);
          if (statement.update) this.#expression(statement.update);
          this.#scoped(() => this.#statement(statement.body));
        });
        break;
      case 'ReturnStatement':
        if (statement.argument) this.#expression(statement.argument);
        break;
      case 'VariableDeclaration':
        for (const { id, init } of statement.declarations) {
          if (id.type !== 'Identifier' || !init) throw new Untranslatable('a declaration');
          this.#declare(id, init);
        }
        break;
      default:
        throw new Untranslatable(node.type);
    }
  }

  #declare(id: Identifier, init: Expression): void {
    const scope = this.#scopes.at(-1)!;
    const bound = boundIndex(init);
    if (bound !== null) {
      scope.set(id.name, this.#bound[bound]!);
      return;
    }
    this.#expression(init);
    const name = this.#add(id.name, null, null);
    scope.set(id.name, name);
    this.#uses.set(id, name);
    this.#assignments.push({ to: name, value: init });
  }

  #expression(node: Expression): void {
    switch (node.type) {
      case 'Literal':
        if (typeof node.value !== 'number') throw new Untranslatable(String(node.raw));
        break;
      case 'Identifier':
        if (!constants.has(node.name)) this.#uses.set(node, this.#lookUp(node.name));
        break;
      case 'ParenthesizedExpression':
        this.#expression(node.expression);
        break;
      case 'MemberExpression':
        this.#member(node, false, true);
        break;
      case 'BinaryExpression':
      case 'LogicalExpression':
        this.#expression(node.left as Expression);
        this.#expression(node.right);
        break;
      case 'UnaryExpression':
        this.#expression(node.argument);
        break;
      case 'ConditionalExpression':
        this.#expression(node.test);
        this.#expression(node.consequent);
        this.#expression(node.alternate);
        break;
      case 'AssignmentExpression':
        this.#assigned(node.left as Expression, node, node.operator !== '=');
        this.#expression(node.right);
        break;
      case 'UpdateExpression':
        // What is counted stays an integer, if it is one.
        this.#assigned(node.argument, null, true);
        break;
      case 'CallExpression':
        mathName(node.callee as Expression);
        for (const argument of node.arguments) this.#expression(argument as Expression);
        break;
      default:
        throw new Untranslatable(node.type);
    }
  }

  #assigned(target: Expression, value: Expression | null, read: boolean): void {
    if (target.type === 'MemberExpression') {
      this.#member(target, true, read);
      return;
    }
    this.#expression(target);
    if (target.type !== 'Identifier') throw new Untranslatable('an assignment');
    if (value === null) this.of(target).truth = false;
    else this.#assignments.push({ to: this.of(target), value });
  }

  #member(node: MemberExpression, written: boolean, read: boolean): void {
    this.#expression(node.object as Expression);
    this.#expression(node.property as Expression);
    const name = this.arrayOf(node);
    const index = node.property as Expression;
    const access = accessOf(index);
    name.access = name.access === null || name.access === access ? access : 'any';
    if (written) name.written = true;
    if (read || this.#branches > 0) name.kept = true;
    if (index.type === 'BinaryExpression' && index.operator === '+') name.added = true;
  }
}

/** k of `P[k]`. */
function boundIndex(init: Expression): number | null {
  if (init.type !== 'MemberExpression' || init.object.type !== 'Identifier') return null;
  return init.object.name === 'P' && init.property.type === 'Literal' ? Number(init.property.value) : null;
}

function accessOf(index: Expression): Access {
  if (isRow(index)) return 'row';
  if (index.type !== 'BinaryExpression') return 'any';
  const { operator, right } = index;
  const left = index.left as Expression;
  if (operator === '>>' && isRow(left) && isLiteral(right, 3)) return 'bit';
  if (isTwiceRow(index) || (operator === '+' && isLiteral(right, 1) && isTwiceRow(left))) return 'pair';
  return 'any';
}

function isTwiceRow(node: Expression): boolean {
  if (node.type !== 'BinaryExpression' || node.operator !== '*') return false;
  return isLiteral(node.left as Expression, 2) && isRow(node.right);
}

function isRow(node: Expression): boolean {
  return node.type === 'Identifier' && node.name === 'i';
}

function isLiteral(node: Expression, value: number): boolean {
  return node.type === 'Literal' && node.value === value;
}

const constants: ReadonlySet<string> = new Set(['Infinity', 'NaN']);
const comparing: ReadonlySet<string> = new Set(['<', '>', '<=', '>=', '===', '!==']);

/** The name of a function of Math. */
export function mathName(callee: Expression): string {
  if (callee.type === 'MemberExpression' && callee.object.type === 'Identifier') {
    const { object, property } = callee;
    if (object.name === 'Math' && property.type === 'Identifier') return property.name;
  }
  throw new Untranslatable('a call');
}

export function isInt32(value: unknown): value is number {
  return typeof value === 'number' && Object.is(value | 0, value);
}

function join(a: NumberType | null, b: NumberType | null): NumberType | null {
  if (a === null || b === null) return a ?? b;
  return a === b ? a : 'double';
}

function elementType(array: Element): NumberType {
  if (array === 'f64' || array === 'f32') return 'double';
  return array === 'u32' ? 'uint' : 'int';
}

/** Sums and products of integers are floats, which hold them exactly, unless they are made integers again. */
function binaryType(operator: string): NumberType {
  switch (operator) {
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return 'double';
    case '>>>':
      return 'uint';
    default:
      return 'int';
  }
}
