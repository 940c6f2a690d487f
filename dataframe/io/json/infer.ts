import { DataType, type Field, type Schema } from '../../column/datatype.js';
import { wideInteger } from '../csv/numbers.js';
import { closeBrace, closeBracket, Kind, Lexer, unescapeText } from './lexer.js';

/** What the values seen so far have in common. */
type Shape =
  | { readonly kind: 'none' | 'bool' | 'int' | 'float' | 'text' }
  | { readonly kind: 'array'; item: Shape }
  | { readonly kind: 'object'; readonly fields: Map<string, Shape> };

/** Keys of an inner object from which it counts as text: its keys are data. */
const maxKeys = 512;

const lexer = new Lexer(false);

/** Types from sample records. Those that are malformed are left for the reader to complain about. */
export class ShapeGuesser {
  readonly #fields = new Map<string, Shape>();

  /** An object that was stepped over before. */
  add(bytes: Uint8Array, from: number, to: number): void {
    addObject(this.#fields, bytes, from, to);
  }

  schema(): Schema {
    return fieldsOf(this.#fields);
  }
}

function addObject(fields: Map<string, Shape>, bytes: Uint8Array, from: number, to: number): void {
  let p = lexer.skipSpace(bytes, from + 1, to);
  while (p < to && bytes[p] !== closeBrace) {
    const value = lexer.skipKey(bytes, p, to);
    const key = keyText(bytes);
    p = lexer.skipValue(bytes, value, to);
    const { kind, from: start, to: end } = lexer;
    fields.set(key, merge(fields.get(key), bytes, start, end, kind));
    p = lexer.skipSpace(bytes, lexer.skipSpace(bytes, p, to) + 1, to);
  }
}

function keyText(bytes: Uint8Array): string {
  const { kind, from, to } = lexer;
  const text = Buffer.from(bytes.subarray(from, to));
  return kind === Kind.Escaped
    ? text.toString('utf8', 0, unescapeText(text, 0, text.length, text))
    : text.toString();
}

/** Integers widen to floats; all else that differs is text. */
function merge(
  known: Shape = { kind: 'none' },
  bytes: Uint8Array,
  from: number,
  to: number,
  kind: number,
): Shape {
  if (kind === Kind.Null || known.kind === 'text') return known;
  const none = known.kind === 'none';
  switch (kind) {
    case Kind.True:
    case Kind.False:
      return { kind: none || known.kind === 'bool' ? 'bool' : 'text' };
    case Kind.Integer:
    case Kind.Float: {
      const fits = kind === Kind.Integer && wideInteger(bytes, from, to, false) !== null;
      if (none || known.kind === 'int') return { kind: fits ? 'int' : 'float' };
      return { kind: known.kind === 'float' ? 'float' : 'text' };
    }
    case Kind.Array: {
      if (!none && known.kind !== 'array') return { kind: 'text' };
      const array =
        known.kind === 'array' ? known : { kind: 'array' as const, item: { kind: 'none' } as Shape };
      addItems(array, bytes, from, to);
      return array;
    }
    case Kind.Object: {
      if (!none && known.kind !== 'object') return { kind: 'text' };
      const object =
        known.kind === 'object' ? known : { kind: 'object' as const, fields: new Map<string, Shape>() };
      addObject(object.fields, bytes, from, to);
      return object.fields.size > maxKeys ? { kind: 'text' } : object;
    }
    default:
      return { kind: 'text' };
  }
}

function addItems(
  array: Extract<Shape, { kind: 'array' }>,
  bytes: Uint8Array,
  from: number,
  to: number,
): void {
  let p = lexer.skipSpace(bytes, from + 1, to);
  while (p < to && bytes[p] !== closeBracket) {
    p = lexer.skipValue(bytes, p, to);
    const { kind, from: start, to: end } = lexer;
    array.item = merge(array.item, bytes, start, end, kind);
    p = lexer.skipSpace(bytes, lexer.skipSpace(bytes, p, to) + 1, to);
  }
}

function fieldsOf(fields: ReadonlyMap<string, Shape>): Field[] {
  return [...fields].map(([name, shape]) => ({ name, type: typeOf(shape) }));
}

function typeOf(shape: Shape): DataType {
  switch (shape.kind) {
    case 'bool':
      return DataType.Bool;
    case 'int':
      return DataType.Int64;
    case 'float':
      return DataType.Float64;
    case 'array':
      return DataType.List(typeOf(shape.item));
    case 'object':
      // A struct has at least one field.
      return shape.fields.size === 0 ? DataType.Utf8 : { kind: 'struct', fields: fieldsOf(shape.fields) };
    default:
      return DataType.Utf8;
  }
}
