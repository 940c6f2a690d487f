import { assert } from '../../core/base/assert.js';
import { VolleyError } from '../../core/base/errors.js';
import { DataType } from '../column/datatype.js';
import { dictionaryOf } from '../column/dictionary.js';
import type { FunctionParams } from '../expr/node.js';
import type { CallNode } from './emit.js';
import { emit } from './emit.js';
import type { Emitted, Emitter, TextValue } from './emitter.js';

/** Functions of one text: computed once per dictionary entry, then looked up by code. */
export function emitText(emitter: Emitter, node: CallNode): Emitted {
  const value = emit(emitter, node.args[0]!);
  const params = node.params ?? {};
  const test = tests[node.fn];
  const type =
    test !== undefined ? DataType.Bool : node.fn === 'str.lenChars' ? DataType.Int32 : DataType.Utf8;
  if (value.form === 'null') return { form: 'null', type, isNull: 'true' };
  assert(value.form === 'text', () => `${node.fn} of a ${value.form}`);
  if (test !== undefined) {
    const table = byteTable(emitter, value, test(params));
    return {
      form: 'bool',
      type,
      isNull: value.isNull,
      code: emitter.local(`${table}[${value.code}]!==0`, 'b'),
    };
  }
  if (node.fn === 'str.lenChars') {
    const table = emitter.bind(Int32Array.from([...emitter.entries(value.dictionary).map(codePoints), 0]));
    return { form: 'number', type, isNull: value.isNull, code: emitter.local(`${table}[${value.code}]`) };
  }
  const change = changes[node.fn];
  assert(change !== undefined, () => `${node.fn} stands only below a cast`);
  return changed(emitter, value, change(params));
}

/** A bound table of one byte per dictionary entry. */
function byteTable(emitter: Emitter, value: TextValue, test: (text: string) => boolean): string {
  const texts = emitter.entries(value.dictionary);
  const table = new Uint8Array(Math.max(1, texts.length));
  for (let i = 0; i < texts.length; i++) table[i] = test(texts[i]!) ? 1 : 0;
  return emitter.bind(table);
}

function changed(emitter: Emitter, value: TextValue, change: (text: string) => string): Emitted {
  const texts = emitter.entries(value.dictionary);
  if (texts.length === 0) return value;
  const { dictionary, codes } = dictionaryOf(texts.map(change));
  const code = emitter.local(`${emitter.bind(codes)}[${value.code}]`, 's');
  return { form: 'text', type: DataType.Utf8, isNull: value.isNull, code, dictionary };
}

function text(params: FunctionParams, name: string): string {
  return String(params[name] ?? '');
}

function regexOf(params: FunctionParams, more = ''): RegExp {
  const flags = [...new Set(text(params, 'flags').replace(/[gy]/g, '') + more)].join('');
  try {
    return new RegExp(text(params, 'pattern'), flags);
  } catch (error) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `/${text(params, 'pattern')}/${flags} is no regular expression: ${(error as Error).message}`,
      { pattern: params.pattern },
    );
  }
}

const tests: Readonly<Record<string, (params: FunctionParams) => (text: string) => boolean>> = {
  'str.contains': params => {
    const pattern = text(params, 'pattern');
    if (params.regex !== true) return value => value.includes(pattern);
    const regex = regexOf(params);
    return value => regex.test(value);
  },
  'str.startsWith': params => {
    const start = text(params, 'text');
    return value => value.startsWith(start);
  },
  'str.endsWith': params => {
    const end = text(params, 'text');
    return value => value.endsWith(end);
  },
};

const changes: Readonly<Record<string, (params: FunctionParams) => (text: string) => string>> = {
  'str.toLowerCase': () => value => value.toLowerCase(),
  'str.toUpperCase': () => value => value.toUpperCase(),
  'str.strip': () => value => value.trim(),
  'str.slice': params => {
    const offset = Number(params.offset ?? 0);
    const length = params.length == null ? null : Number(params.length);
    return value => sliceCodePoints(value, offset, length);
  },
  'str.replace': params => replacer(params, ''),
  'str.replaceAll': params => replacer(params, 'g'),
};

/** A plain text is replaced as it is; a regex takes JavaScript's `$1` forms. */
function replacer(params: FunctionParams, flags: string): (value: string) => string {
  const by = text(params, 'value');
  if (params.regex === true) {
    const regex = regexOf(params, flags);
    return value => value.replace(regex, by);
  }
  const pattern = text(params, 'pattern');
  return flags === 'g'
    ? value => value.replaceAll(pattern, () => by)
    : value => value.replace(pattern, () => by);
}

const surrogates = /[\ud800-\udfff]/;

function codePoints(value: string): number {
  return surrogates.test(value) ? [...value].length : value.length;
}

function sliceCodePoints(value: string, offset: number, length: number | null): string {
  const plain = !surrogates.test(value);
  const points = plain ? null : [...value];
  const total = points === null ? value.length : points.length;
  const from = offset < 0 ? Math.max(0, total + offset) : Math.min(total, offset);
  const to = length === null ? total : Math.min(total, from + Math.max(0, length));
  return points === null ? value.slice(from, to) : points.slice(from, to).join('');
}
