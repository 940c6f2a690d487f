import type {
  AssignmentExpression,
  BinaryExpression,
  CallExpression,
  ConditionalExpression,
  Expression,
  LogicalExpression,
  MemberExpression,
  UnaryExpression,
  UpdateExpression,
} from 'acorn';
import { isFloat, loadOf, shiftOf, storeOf } from './elements.js';
import { Code, Op, Type } from './module.js';
import { type Element, isInt32, mathName, type Name, type Names, type NumberType } from './names.js';
import { bitOperators, comparisons, doubleOperators, mathOperators, wholeOperators } from './operators.js';
import type { Pair } from './pairs.js';
import { isPlain } from './plain.js';
import { Untranslatable } from './untranslatable.js';
import { extremeOf, hasVectors } from './vectors.js';

/** Bytes that an address may lie behind its array: what is added to an index literally is not checked. */
export const offsetBytes = 1024;

/** Writes expressions as instructions that leave their value on the stack. */
export class Expressions {
  readonly code = new Code();
  readonly #names: Names;
  /** A local that holds an address for two instructions. */
  readonly #temporary: number;

  constructor(names: Names, temporary: number) {
    this.#names = names;
    this.#temporary = temporary;
  }

  /** For what it does. */
  effect(node: Expression): void {
    if (node.type === 'ParenthesizedExpression') this.effect(node.expression);
    else if (node.type === 'AssignmentExpression') this.#assign(node);
    else if (node.type === 'UpdateExpression') this.#update(node);
    else throw new Untranslatable(node.type);
  }

  addPair({ target, first, second }: Pair): void {
    const { code } = this;
    const offset = this.#address(target);
    code.local(Op.localTee, this.#temporary);
    code.local(Op.localGet, this.#temporary);
    code.op(...Op.v128Load, 3);
    code.unsigned(offset);
    const ints = [first, second].every(value => this.#names.typeOf(value) === 'int');
    this.as(first, ints ? 'int' : 'double');
    code.op(...(ints ? Op.i32x4Splat : Op.f64x2Splat));
    this.as(second, ints ? 'int' : 'double');
    code.op(...(ints ? [...Op.i32x4SetLane1, ...Op.f64x2ConvertLow] : Op.f64x2SetLane1));
    code.op(...Op.f64x2Add, ...Op.v128Store, 3);
    code.unsigned(offset);
  }

  set(name: Name, value: Expression): void {
    if (name.array !== null || name.type === null) throw new Untranslatable(name.text);
    this.as(value, name.type);
    this.code.local(Op.localSet, name.local);
  }

  /** The value in this form. */
  as(node: Expression, type: NumberType): void {
    if (type === 'double') this.#double(node);
    else this.#int(node, false);
  }

  /** 0 or not, where the value is a truth value. */
  test(node: Expression): void {
    if (node.type === 'ParenthesizedExpression') this.test(node.expression);
    else if (node.type === 'BinaryExpression' && node.operator in comparisons) this.#compare(node);
    else if (node.type === 'UnaryExpression' && node.operator === '!') this.#unary(node);
    else if (node.type === 'LogicalExpression') this.#logical(node);
    else if (this.#names.isTruth(node)) this.#natural(node);
    else throw new Untranslatable('a condition');
  }

  #logical({ operator, left, right }: LogicalExpression): void {
    const { code } = this;
    this.test(left);
    code.op(Op.if, Type.i32);
    if (operator === '&&') {
      this.test(right);
      code.op(Op.else);
      code.int(0);
    } else if (operator === '||') {
      code.int(1);
      code.op(Op.else);
      this.test(right);
    } else throw new Untranslatable(operator);
    code.op(Op.end);
  }

  #assign({ left, operator, right }: AssignmentExpression): void {
    const target = left as Expression;
    const sign = operator.slice(0, -1);
    if (target.type === 'Identifier') {
      const value = { type: 'BinaryExpression', start: 0, end: 0, operator: sign, left: target, right };
      this.set(this.#names.of(target), operator === '=' ? right : (value as BinaryExpression));
      return;
    }
    if (target.type !== 'MemberExpression') throw new Untranslatable('an assignment');
    const array = this.#names.arrayOf(target).array!;
    const offset = this.#address(target);
    if (operator === '=') this.as(right, isFloat(array) ? 'double' : 'int');
    else {
      if (!isFloat(array) && this.#names.typeOf(right) === 'double')
        throw new Untranslatable('a float for an integer');
      this.#changed(sign, array, offset, () => this.as(right, isFloat(array) ? 'double' : 'int'));
    }
    this.#store(array, offset);
  }

  /** The new value of an element whose address is on the stack, and stays there. */
  #changed(operator: string, array: Element, offset: number, operand: () => void): void {
    const { code } = this;
    code.local(Op.localTee, this.#temporary);
    code.local(Op.localGet, this.#temporary);
    this.#load(array, offset);
    operand();
    const whole = operator === '*' ? undefined : (wholeOperators[operator] ?? bitOperators[operator]);
    const op = isFloat(array) ? doubleOperators[operator] : whole;
    if (op === undefined) throw new Untranslatable(operator);
    code.op(op);
  }

  #update({ argument, operator }: UpdateExpression): void {
    const { code } = this;
    if (argument.type === 'MemberExpression') {
      const array = this.#names.arrayOf(argument).array!;
      const offset = this.#address(argument);
      this.#changed(operator[0]!, array, offset, () => (isFloat(array) ? code.double(1) : code.int(1)));
      this.#store(array, offset);
      return;
    }
    if (argument.type !== 'Identifier') throw new Untranslatable('a count');
    const { local, type } = this.#names.of(argument);
    code.local(Op.localGet, local);
    if (type === 'double') {
      code.double(1);
      code.op(doubleOperators[operator[0]!]!);
    } else {
      code.int(1);
      code.op(wholeOperators[operator[0]!]!);
    }
    code.local(Op.localSet, local);
  }

  /** Puts the address of an element on the stack, but for the bytes that it gives. */
  #address(node: MemberExpression): number {
    const { code } = this;
    const { array, local, length, access } = this.#names.arrayOf(node);
    const shift = shiftOf[array!];
    const index = node.property as Expression;
    code.local(Op.localGet, local);
    const added = index.type === 'BinaryExpression' && index.operator === '+' ? placeOf(index.right) : null;
    this.#int(added === null ? index : ((index as BinaryExpression).left as Expression), true);
    if (access === 'any') {
      code.local(Op.localTee, this.#temporary);
      code.local(Op.localGet, this.#temporary);
      code.local(Op.localGet, length);
      code.op(Op.i32GeU, Op.if, Type.none, Op.unreachable, Op.end);
    }
    if (shift > 0) {
      code.int(shift);
      code.op(Op.i32Shl);
    }
    code.op(Op.i32Add);
    return (added ?? 0) << shift;
  }

  #load(array: Element, offset: number): void {
    this.code.memory(loadOf[array], shiftOf[array], offset);
    if (array === 'f32') this.code.op(Op.f64PromoteF32);
  }

  #store(array: Element, offset: number): void {
    if (array === 'f32') this.code.op(Op.f32DemoteF64);
    this.code.memory(storeOf[array], shiftOf[array], offset);
  }

  /** The value as JavaScript has it, in the form of its type. */
  #natural(node: Expression): NumberType {
    const { code } = this;
    const type = this.#names.typeOf(node)!;
    switch (node.type) {
      case 'Literal':
        if (type === 'int') code.int(node.value as number);
        else code.double(node.value as number);
        break;
      case 'Identifier':
        this.#variable(node.name, () => this.#names.of(node));
        break;
      case 'ParenthesizedExpression':
        return this.#natural(node.expression);
      case 'MemberExpression':
        this.#load(this.#names.arrayOf(node).array!, this.#address(node));
        break;
      case 'BinaryExpression':
        this.#binary(node);
        break;
      case 'LogicalExpression':
        this.test(node);
        break;
      case 'UnaryExpression':
        this.#unary(node);
        break;
      case 'ConditionalExpression':
        this.#conditional(node, type);
        break;
      case 'UpdateExpression':
        if (node.prefix || node.argument.type !== 'Identifier') throw new Untranslatable('a count');
        code.local(Op.localGet, this.#names.of(node.argument).local);
        this.#update(node);
        break;
      case 'CallExpression':
        this.#call(node);
        break;
      default:
        throw new Untranslatable(node.type);
    }
    return type;
  }

  #variable(text: string, find: () => Name): void {
    if (text === 'Infinity' || text === 'NaN') {
      this.code.double(Number(text));
      return;
    }
    const { array, type, local } = find();
    if (array !== null || type === null) throw new Untranslatable(text);
    this.code.local(Op.localGet, local);
  }

  #binary(node: BinaryExpression): void {
    const left = node.left as Expression;
    const double = doubleOperators[node.operator];
    const bits = bitOperators[node.operator];
    if (double !== undefined) {
      this.#double(left);
      this.#double(node.right);
      this.code.op(double);
    } else if (bits !== undefined) {
      this.#int(left, false);
      if (node.operator === '|' && placeOf(node.right) === 0) return;
      this.#int(node.right, false);
      this.code.op(bits);
    } else this.#compare(node);
  }

  #compare({ left, operator, right }: BinaryExpression): void {
    const ops = comparisons[operator];
    if (ops === undefined) throw new Untranslatable(operator);
    const ints = this.#names.typeOf(left as Expression) === 'int' && this.#names.typeOf(right) === 'int';
    this.as(left as Expression, ints ? 'int' : 'double');
    this.as(right, ints ? 'int' : 'double');
    this.code.op(ints ? ops[0] : ops[1]);
  }

  #unary(node: UnaryExpression): void {
    const { code } = this;
    const { operator, argument } = node;
    switch (operator) {
      case '!':
        this.test(argument);
        code.op(Op.i32Eqz);
        return;
      case '~':
        this.#int(argument, false);
        code.int(-1);
        code.op(Op.i32Xor);
        return;
      case '+':
        this.#double(argument);
        return;
      case '-':
        if (this.#names.typeOf(node) === 'int') {
          code.int(-(argument as unknown as { value: number }).value);
          return;
        }
        this.#double(argument);
        code.op(Op.f64Neg);
        return;
      default:
        throw new Untranslatable(operator);
    }
  }

  #conditional({ test, consequent, alternate }: ConditionalExpression, type: NumberType): void {
    const { code } = this;
    const extreme = type === 'double' && hasVectors() ? extremeOf(test, consequent, alternate) : null;
    if (extreme !== null) {
      this.#inLane(extreme.first);
      this.#inLane(extreme.second);
      code.op(...extreme.op, ...Op.f64x2Lane0);
      return;
    }
    if (type !== 'double' && isPlain(consequent, this.#names) && isPlain(alternate, this.#names)) {
      this.as(consequent, type);
      this.as(alternate, type);
      this.test(test);
      code.op(Op.select);
      return;
    }
    this.test(test);
    code.op(Op.if, type === 'double' ? Type.f64 : Type.i32);
    this.as(consequent, type);
    code.op(Op.else);
    this.as(alternate, type);
    code.op(Op.end);
  }

  #inLane(node: Expression): void {
    this.#double(node);
    this.code.op(...Op.f64x2Splat);
  }

  #call(node: CallExpression): void {
    const { code } = this;
    const name = mathName(node.callee as Expression);
    const parts = node.arguments as Expression[];
    if (name === 'imul' || name === 'clz32') {
      for (const part of parts) this.#int(part, false);
      code.op(name === 'imul' ? Op.i32Mul : Op.i32Clz);
      return;
    }
    const op = mathOperators[name];
    if (op === undefined || parts.length !== (name === 'min' || name === 'max' ? 2 : 1))
      throw new Untranslatable(`Math.${name}`);
    for (const part of parts) this.#double(part);
    code.op(op);
  }

  #double(node: Expression): void {
    if (node.type === 'Literal') {
      this.code.double(node.value as number);
      return;
    }
    const type = this.#natural(node);
    if (type === 'int') this.code.op(Op.f64ConvertI32S);
    else if (type === 'uint') this.code.op(Op.f64ConvertI32U);
  }

  /** The value modulo 2^32. `place`: it is an index, which a product of integers never makes too large. */
  #int(node: Expression, place: boolean): void {
    const { code } = this;
    if (node.type === 'ParenthesizedExpression') this.#int(node.expression, place);
    else if (node.type === 'Literal') code.int((node.value as number) | 0);
    else if (node.type === 'BinaryExpression' && this.#isWhole(node, place)) {
      this.#int(node.left as Expression, place);
      this.#int(node.right, place);
      code.op(wholeOperators[node.operator]!);
    } else if (this.#isRemainder(node)) {
      this.#int(node.left as Expression, false);
      this.#int(node.right, false);
      code.op(Op.i32RemS);
    } else if (this.#natural(node) === 'double') code.op(Op.i64TruncF64S, Op.i32WrapI64);
  }

  /** Of integers, wanted as an integer: as a float, 0 would have the sign of what was divided. By 0 it is an error. */
  #isRemainder(node: Expression): node is BinaryExpression {
    return (
      node.type === 'BinaryExpression' &&
      node.operator === '%' &&
      [node.left as Expression, node.right].every(side => this.#names.typeOf(side) === 'int')
    );
  }

  /** A sum or difference of integers, or a product where it cannot pass 2^53. */
  #isWhole({ operator, left, right }: BinaryExpression, place: boolean): boolean {
    if (operator !== '+' && operator !== '-' && !(operator === '*' && place)) return false;
    return [left as Expression, right].every(
      side =>
        this.#names.typeOf(side) !== 'double' ||
        (side.type === 'BinaryExpression' && this.#isWhole(side, place)),
    );
  }
}

/** The value of a literal that can be an offset of an address; else null. */
function placeOf(node: Expression): number | null {
  if (node.type !== 'Literal' || !isInt32(node.value)) return null;
  return node.value >= 0 && node.value < offsetBytes / 8 ? node.value : null;
}
