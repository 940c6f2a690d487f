import type { Expression, Node, Statement } from 'acorn';
import { Untranslatable } from './untranslatable.js';

/** Comments, numbers, names, operators of several characters; anything else stands alone. */
const tokens =
  /\/\*[\s\S]*?\*\/|\/\/.*|0x[\da-f]+|\d+\.?\d*(?:e[-+]?\d+)?|\.\d+(?:e[-+]?\d+)?|[a-z_$][\w$]*|>>>=|>>>|<<=|>>=|\*\*|===|!==|<<|>>|=>|[<>=!]=|&&|\|\||\?[?.]|\+\+|--|[-+*/%&|^]=|\S/gi;

/** How tightly two operands are bound, tightest last. */
const strengths: ReadonlyMap<string, number> = new Map(
  [
    ['||'],
    ['&&'],
    ['|'],
    ['^'],
    ['&'],
    ['===', '!=='],
    ['<', '>', '<=', '>='],
    ['<<', '>>', '>>>'],
    ['+', '-'],
    ['*', '/', '%'],
  ].flatMap((operators, strength) => operators.map(operator => [operator, strength] as const)),
);
const assignments: ReadonlySet<string> = new Set('= += -= *= /= %= &= |= ^= <<= >>= >>>='.split(' '));
const words: ReadonlySet<string> = new Set(
  'break const continue do else for function if let new return switch throw try typeof var while with'.split(
    ' ',
  ),
);
const isNumber = /^[.\d]/;
const isName = /^[a-z_$]/i;

/**
 * The statements of a kernel's text, as ESTree has them, but for positions. A parser of all of JavaScript is ten times as much code, which each
 * thread would load and warm up for its first kernel.
 * @throws Untranslatable where the text is not of the language of kernels, be it JavaScript or not
 */
export function parseKernel(text: string): Statement[] {
  return new Parser(text).all();
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    const found: readonly string[] = text.match(tokens) ?? [];
    this.#tokens = text.includes('/*') || text.includes('//') ? found.filter(isNoComment) : found;
  }

  all(): Statement[] {
    const out: Statement[] = [];
    while (this.#at < this.#tokens.length) out.push(this.#statement());
    return out;
  }

  #is(token: string): boolean {
    return this.#tokens[this.#at] === token;
  }

  /** Goes on if this is the next token. */
  #skips(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#skips(token)) throw new Untranslatable(this.#tokens[this.#at] ?? 'the end');
  }

  /** Of a statement: before a brace, and at the end, the semicolon may be missing. */
  #end(): void {
    if (!this.#skips(';') && !this.#is('}') && this.#at < this.#tokens.length)
      throw new Untranslatable(this.#tokens[this.#at]!);
  }

  #statement(): Statement {
    switch (this.#tokens[this.#at]) {
      case '{':
        return this.#block();
      case ';':
        this.#at++;
        return node({ type: 'EmptyStatement' });
      case 'if':
        return this.#if();
      case 'for':
        return this.#for();
      case 'while': {
        this.#at++;
        const test = this.#inParentheses();
        return node({ type: 'WhileStatement', test, body: this.#statement() });
      }
      case 'break':
      case 'continue':
        return this.#jump();
      case 'return':
        return this.#return();
      case 'const':
      case 'let': {
        const declaration = this.#declaration();
        this.#end();
        return declaration;
      }
      default: {
        const expression = this.#expression();
        this.#end();
        return node({ type: 'ExpressionStatement', expression });
      }
    }
  }

  #block(): Statement {
    this.#expect('{');
    const body: Statement[] = [];
    while (!this.#skips('}')) body.push(this.#statement());
    return node({ type: 'BlockStatement', body });
  }

  #if(): Statement {
    this.#at++;
    const test = this.#inParentheses();
    const consequent = this.#statement();
    const alternate = this.#skips('else') ? this.#statement() : null;
    return node({ type: 'IfStatement', test, consequent, alternate });
  }

  #for(): Statement {
    this.#at++;
    this.#expect('(');
    const declares = this.#is('let') || this.#is('const');
    const init = this.#is(';') ? null : declares ? this.#declaration() : this.#expression();
    this.#expect(';');
    const test = this.#is(';') ? null : this.#expression();
    this.#expect(';');
    const update = this.#is(')') ? null : this.#expression();
    this.#expect(')');
    return node({ type: 'ForStatement', init, test, update, body: this.#statement() });
  }

  #jump(): Statement {
    const type = this.#skips('break') ? 'BreakStatement' : 'ContinueStatement';
    if (type === 'ContinueStatement') this.#at++;
    this.#end();
    return node({ type, label: null });
  }

  #return(): Statement {
    this.#at++;
    const ends = this.#is(';') || this.#is('}') || this.#at === this.#tokens.length;
    const argument = ends ? null : this.#expression();
    this.#end();
    return node({ type: 'ReturnStatement', argument });
  }

  #declaration(): Statement {
    const kind = this.#tokens[this.#at++];
    const declarations: object[] = [];
    do {
      const id = this.#name();
      const init = this.#skips('=') ? this.#expression() : null;
      declarations.push({ type: 'VariableDeclarator', id, init });
    } while (this.#skips(','));
    return node({ type: 'VariableDeclaration', declarations, kind });
  }

  #inParentheses(): Expression {
    this.#expect('(');
    const inner = this.#expression();
    this.#expect(')');
    return inner;
  }

  /** Sequences are none: the language has no comma but in lists. */
  #expression(): Expression {
    const left = this.#choice();
    const operator = this.#tokens[this.#at]!;
    if (!assignments.has(operator)) return left;
    if (left.type !== 'Identifier' && left.type !== 'MemberExpression') throw new Untranslatable(operator);
    this.#at++;
    return node({ type: 'AssignmentExpression', operator, left, right: this.#expression() });
  }

  #choice(): Expression {
    const test = this.#binary(0);
    if (!this.#skips('?')) return test;
    const consequent = this.#expression();
    this.#expect(':');
    return node({ type: 'ConditionalExpression', test, consequent, alternate: this.#expression() });
  }

  /** Operators of this strength or more. */
  #binary(least: number): Expression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#tokens[this.#at]!;
      const strength = strengths.get(operator) ?? -1;
      if (strength < least) return left;
      this.#at++;
      const type = operator === '&&' || operator === '||' ? 'LogicalExpression' : 'BinaryExpression';
      left = node({ type, left, operator, right: this.#binary(strength + 1) });
    }
  }

  #unary(): Expression {
    const operator = this.#tokens[this.#at]!;
    switch (operator) {
      case '-':
      case '+':
      case '!':
      case '~':
        this.#at++;
        return node({ type: 'UnaryExpression', operator, prefix: true, argument: this.#unary() });
      case '++':
      case '--':
        this.#at++;
        return node({ type: 'UpdateExpression', operator, prefix: true, argument: this.#unary() });
      default: {
        const argument = this.#postfix();
        const after = this.#tokens[this.#at];
        if (after !== '++' && after !== '--') return argument;
        this.#at++;
        return node({ type: 'UpdateExpression', operator: after, prefix: false, argument });
      }
    }
  }

  #postfix(): Expression {
    let left = this.#primary();
    for (;;) {
      if (this.#skips('[')) {
        const property = this.#expression();
        this.#expect(']');
        left = node({ type: 'MemberExpression', object: left, property, computed: true, optional: false });
      } else if (this.#skips('.')) {
        left = node({
          type: 'MemberExpression',
          object: left,
          property: this.#name(),
          computed: false,
          optional: false,
        });
      } else if (this.#skips('(')) {
        left = node({ type: 'CallExpression', callee: left, arguments: this.#list(), optional: false });
      } else return left;
    }
  }

  /** To the parenthesis that closes it. */
  #list(): Expression[] {
    const out: Expression[] = [];
    if (this.#skips(')')) return out;
    do out.push(this.#expression());
    while (this.#skips(','));
    this.#expect(')');
    return out;
  }

  #primary(): Expression {
    const token = this.#tokens[this.#at] ?? '';
    if (token === '(') return this.#inParentheses();
    if (!isNumber.test(token)) return this.#name();
    this.#at++;
    const value = Number(token);
    if (Number.isNaN(value)) throw new Untranslatable(token);
    return node({ type: 'Literal', value, raw: token });
  }

  #name(): Expression {
    const name = this.#tokens[this.#at] ?? '';
    if (!isName.test(name) || words.has(name)) throw new Untranslatable(name);
    this.#at++;
    return node({ type: 'Identifier', name });
  }
}

function isNoComment(token: string): boolean {
  return !token.startsWith('//') && !token.startsWith('/*');
}

/** Nobody looks at positions. */
function node<T extends Node>(fields: object): T {
  return fields as T;
}
