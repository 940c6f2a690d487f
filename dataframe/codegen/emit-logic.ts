import { assert } from '../../core/base/assert.js';
import { DataType } from '../column/datatype.js';
import { unify } from '../column/dictionary.js';
import { emptyDictionary } from '../column/layout.js';
import type { ExprNode } from '../expr/node.js';
import type { CallNode } from './emit.js';
import { emit } from './emit.js';
import type { BoolValue, Emitted, Emitter } from './emitter.js';
import { toPair } from './wide.js';

export function emitLogic(emitter: Emitter, node: CallNode): Emitted {
  const type = DataType.Bool;
  const value = emit(emitter, node.args[0]!);
  const bool = (text: string, isNull: string | null = null): BoolValue => ({
    form: 'bool',
    type,
    isNull,
    code: emitter.local(text, 'b'),
  });
  switch (node.fn) {
    case 'isNull':
      return bool(value.isNull ?? 'false');
    case 'isNotNull':
      return bool(value.isNull === null ? 'true' : `!${value.isNull}`);
    case 'isNaN':
      if (value.form !== 'number')
        return value.form === 'null' ? { form: 'null', type, isNull: 'true' } : bool('false', value.isNull);
      return bool(`${value.code}!==${value.code}`, value.isNull);
    case 'not':
      if (value.form === 'null') return value;
      assert(value.form === 'bool', 'not takes a bool');
      return bool(`!${value.code}`, value.isNull);
    case 'isBetween':
      return emit(emitter, betweenNode(node));
    default:
      return emitKleene(emitter, node.fn === 'and', value, emit(emitter, node.args[1]!));
  }
}

function betweenNode(node: CallNode): ExprNode {
  const [value, low, high] = node.args;
  return {
    kind: 'call',
    fn: 'and',
    args: [
      { kind: 'call', fn: 'gtEq', args: [value!, low!] },
      { kind: 'call', fn: 'ltEq', args: [value!, high!] },
    ],
  };
}

/** false and null is false; true or null is true. */
function emitKleene(emitter: Emitter, isAnd: boolean, a: Emitted, b: Emitted): Emitted {
  const type = DataType.Bool;
  const codeA = boolCode(a);
  const codeB = boolCode(b);
  if (a.isNull === null && b.isNull === null) {
    const code = emitter.local(`${codeA}${isAnd ? '&&' : '||'}${codeB}`, 'b');
    return { form: 'bool', type, isNull: null, code };
  }
  const decides = (value: Emitted, code: string): string => {
    const live = value.isNull === null ? '' : `!${value.isNull}&&`;
    return `(${live}${isAnd ? '!' : ''}${code})`;
  };
  const decided = emitter.local(`${decides(a, codeA)}||${decides(b, codeB)}`, 'b');
  const nulls = [a.isNull, b.isNull].filter(flag => flag !== null).join('||');
  const isNull = emitter.local(`!${decided}&&(${nulls})`, 'n');
  return { form: 'bool', type, isNull, code: isAnd ? emitter.local(`!${decided}`, 'b') : decided };
}

function boolCode(value: Emitted): string {
  if (value.form === 'null') return 'false';
  assert(value.form === 'bool', () => `a condition cannot be a ${value.form}`);
  return value.code;
}

export function emitCoalesce(emitter: Emitter, node: CallNode): Emitted {
  const [first, ...rest] = node.args;
  const value = emit(emitter, first!);
  if (value.isNull === null || rest.length === 0) return value;
  const otherwise: ExprNode = rest.length === 1 ? rest[0]! : { ...node, args: rest };
  if (value.form === 'null') return emit(emitter, otherwise);
  const other = emitter.block(() => emit(emitter, otherwise));
  return emitChoice(
    emitter,
    `!${value.isNull}`,
    { text: '', result: { ...value, isNull: null } as Emitted },
    other,
  );
}

/** The first branch whose condition is true. Branches not taken are not evaluated. */
export function emitCase(emitter: Emitter, node: Extract<ExprNode, { kind: 'case' }>): Emitted {
  const [first, ...rest] = node.branches;
  if (first === undefined) return emit(emitter, node.otherwise);
  const when = emit(emitter, first.when);
  const otherwise: ExprNode = rest.length === 0 ? node.otherwise : { ...node, branches: rest };
  if (when.form === 'null') return emit(emitter, otherwise);
  const code = boolCode(when);
  const condition = when.isNull === null ? code : `!${when.isNull}&&${code}`;
  const then = emitter.block(() => emit(emitter, first.then));
  const other = emitter.block(() => emit(emitter, otherwise));
  return emitChoice(emitter, condition, then, other);
}

interface Branch {
  readonly text: string;
  readonly result: Emitted;
}

/** `condition ? then : other`, where both were emitted into blocks of their own. */
function emitChoice(emitter: Emitter, condition: string, then: Branch, other: Branch): Emitted {
  const a = then.result;
  const b = other.result;
  const type = a.form === 'null' ? b.type : a.type;
  if (a.form === 'null' && b.form === 'null') return { form: 'null', type, isNull: 'true' };
  const form = a.form === 'pair' || b.form === 'pair' ? 'pair' : a.form === 'null' ? b.form : a.form;
  const nullable = a.isNull !== null || b.isNull !== null;
  const isNull = nullable ? emitter.fresh('n') : null;
  const names = form === 'pair' ? [emitter.fresh('h'), emitter.fresh('l')] : [emitter.fresh('v')];
  const dictionaries = [a, b].map(v => (v.form === 'text' ? v.dictionary : emptyDictionary));
  const unified = form === 'text' ? unify(dictionaries) : null;
  const assign = (branch: Branch, which: 0 | 1): string => {
    const value = branch.result;
    const flag = isNull === null ? '' : `${isNull}=${value.isNull ?? 'false'};`;
    if (value.form === 'null') return `${branch.text}${flag}`;
    const { text, result } = emitter.block(() => codesOf(emitter, value, form, unified?.maps[which] ?? null));
    return `${branch.text}\n${text}\n${names.map((name, k) => `${name}=${result[k]};`).join('')}${flag}`;
  };
  const zero = form === 'bool' ? 'false' : form === 'big' ? '0n' : '0';
  emitter.line(
    `let ${names.map(name => `${name}=${zero}`).join()}${isNull === null ? '' : `,${isNull}=false`};`,
  );
  emitter.line(`if(${condition}){${assign(then, 0)}}else{${assign(other, 1)}}`);
  switch (form) {
    case 'pair':
      return { form, type, isNull, high: names[0]!, low: names[1]! };
    case 'text':
      return { form, type, isNull, code: names[0]!, dictionary: unified!.dictionary };
    case 'bool':
    case 'big':
      return { form, type, isNull, code: names[0]! };
    default:
      return { form: 'number', type, isNull, code: names[0]! };
  }
}

function codesOf(emitter: Emitter, value: Emitted, form: Emitted['form'], map: Int32Array | null): string[] {
  if (value.form === 'text') {
    return [map === null || map.length === 0 ? value.code : `${emitter.bind(map)}[${value.code}]`];
  }
  if (form === 'pair') {
    assert(value.form === 'number' || value.form === 'pair', 'a pair of words meets an integer');
    const pair = toPair(emitter, value);
    return [pair.high, pair.low];
  }
  assert(value.form === form && 'code' in value, 'branches have one form');
  return [value.code];
}
