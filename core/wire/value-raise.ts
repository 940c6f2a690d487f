import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import { rebuild } from './error-parts.js';
import { binaryTypes, InputSlot, Kind, MARK } from './value-kinds.js';

/**
 * Undoes lower(): turns marks back into values, in place. The tree comes from bytes that nobody vouches for, so every
 * part is checked. `outOfBand` holds the buffers that were taken out; the typed arrays over it are views, not copies.
 */
export function raiseValue(tree: unknown, outOfBand: Uint8Array | null): unknown {
  return raise(tree, outOfBand, 0);
}

function raise(node: unknown, bytes: Uint8Array | null, depth: number): unknown {
  if (typeof node !== 'object' || node === null) return node;
  if (depth > limits.decodeDepth) throw bad(`nested deeper than ${limits.decodeDepth} levels`);
  if (Array.isArray(node)) return raiseItems(node, 0, bytes, depth);
  if (ArrayBuffer.isView(node)) throw bad('a byte string where none is expected');
  const record = node as Record<string, unknown>;
  const parts = record[MARK];
  if (parts !== undefined) return raiseMark(parts, bytes, depth);
  for (const key in record) {
    const item = record[key];
    if (typeof item === 'object' && item !== null) record[key] = raise(item, bytes, depth + 1);
  }
  return record;
}

function raiseItems(items: unknown[], from: number, bytes: Uint8Array | null, depth: number): unknown[] {
  for (let i = from; i < items.length; i++) {
    const item = items[i];
    if (typeof item === 'object' && item !== null) items[i] = raise(item, bytes, depth + 1);
  }
  return items;
}

function raiseMark(parts: unknown, bytes: Uint8Array | null, depth: number): unknown {
  if (!Array.isArray(parts)) throw bad('a mark without parts');
  const first: unknown = parts[1];
  switch (parts[0] as Kind) {
    case Kind.NegativeZero:
      return -0;
    case Kind.BigInt:
      return raiseBigInt(string(first));
    case Kind.Utf16:
      return Buffer.from(binary(first)).toString('utf16le');
    case Kind.Date:
      return new Date(number(first));
    case Kind.RegExp:
      return raiseRegExp(raise(first, bytes, depth), string(parts[2]));
    case Kind.Map:
      return raiseMap(raiseItems(parts, 1, bytes, depth));
    case Kind.Set:
      return new Set(raiseItems(array(first), 0, bytes, depth));
    case Kind.Binary:
      return raiseBinary(parts, bytes);
    case Kind.Sparse:
      return raiseSparse(number(first), array(parts[2]), raiseItems(array(parts[3]), 0, bytes, depth));
    case Kind.Entries:
      return raiseEntries(first === true, raiseItems(parts, 2, bytes, depth));
    case Kind.Error:
      return raiseError(raiseItems(parts, 1, bytes, depth));
    case Kind.Url:
      return raiseUrl(string(first));
    case Kind.Boxed:
      return raiseBoxed(raise(first, bytes, depth));
    case Kind.Slot:
      return new InputSlot(index(first));
    default:
      throw bad('an unknown kind of value');
  }
}

function raiseBigInt(digits: string): bigint {
  if (!/^-?[0-9a-f]+$/.test(digits)) throw bad('a bigint with other than hex digits');
  try {
    return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
  } catch {
    throw bad('a bigint that is too large');
  }
}

function raiseRegExp(source: unknown, flags: string): RegExp {
  try {
    return new RegExp(string(source), flags);
  } catch {
    throw bad('an invalid regular expression');
  }
}

function raiseMap(parts: readonly unknown[]): Map<unknown, unknown> {
  if (parts.length % 2 !== 1) throw bad('a Map with half an entry');
  const map = new Map<unknown, unknown>();
  for (let i = 1; i < parts.length; i += 2) map.set(parts[i], parts[i + 1]);
  return map;
}

function raiseSparse(length: number, indices: readonly unknown[], items: readonly unknown[]): unknown[] {
  if (!Number.isInteger(length) || length < 0 || length >= 2 ** 32)
    throw bad('a sparse array of impossible length');
  if (indices.length !== items.length) throw bad('a sparse array with more indices than items');
  const result: unknown[] = [];
  for (let i = 0; i < indices.length; i++) {
    const at = index(indices[i]);
    if (at >= length) throw bad('an item beyond its sparse array');
    result[at] = items[i];
  }
  result.length = length;
  return result;
}

function raiseEntries(nullPrototype: boolean, parts: readonly unknown[]): object {
  if (parts.length % 2 !== 0) throw bad('an object with half an entry');
  const record: object = nullPrototype ? Object.create(null) : {};
  for (let i = 2; i < parts.length; i += 2) {
    // defineProperty: an own `__proto__` stays data and never becomes the prototype.
    Object.defineProperty(record, string(parts[i]), {
      value: parts[i + 1],
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return record;
}

function raiseError(parts: readonly unknown[]): Error {
  const code = parts[4] ?? undefined;
  if (code !== undefined && typeof code !== 'string' && typeof code !== 'number') throw bad('an error code');
  const flat = array(parts[7]);
  const properties: [string, unknown][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) properties.push([string(flat[i]), flat[i + 1]]);
  return rebuild({
    name: string(parts[1]),
    message: string(parts[2]),
    stack: string(parts[3]),
    code,
    cause: parts[5],
    errors: parts[6] === null || parts[6] === undefined ? undefined : array(parts[6]),
    properties,
  });
}

function raiseUrl(href: string): URL {
  if (!URL.canParse(href)) throw bad('an invalid URL');
  return new URL(href);
}

function raiseBoxed(primitive: unknown): object {
  if (typeof primitive === 'object' || primitive === undefined)
    throw bad('a boxed value that is no primitive');
  return Object(primitive);
}

function raiseBinary(parts: readonly unknown[], outOfBand: Uint8Array | null): unknown {
  const type = binaryTypes[index(parts[1])];
  if (type === undefined) throw bad('an unknown type of binary');
  const inline = parts.length === 3;
  const from = inline ? binary(parts[2]) : within(outOfBand, index(parts[2]), index(parts[3]));
  if (from.byteLength % type.elementBytes !== 0) throw bad(`a ${type.name} with half an element`);
  const length = from.byteLength / type.elementBytes;
  // Inline bytes lie wherever msgpack put them, and belong to the message: copied. Out of band ones are aligned.
  const shareable = !inline && type.view !== null && from.byteOffset % type.elementBytes === 0;
  const buffer = shareable ? (from.buffer as ArrayBuffer) : copyOf(from);
  if (type.view === null) return buffer;
  return new type.view(buffer, shareable ? from.byteOffset : 0, length);
}

function within(bytes: Uint8Array | null, offset: number, byteLength: number): Uint8Array {
  if (bytes === null || offset + byteLength > bytes.byteLength)
    throw bad('binary beyond the end of its bytes');
  return new Uint8Array(bytes.buffer, bytes.byteOffset + offset, byteLength);
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return copy.buffer;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw bad('something else where text is due');
  return value;
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw bad('something else where a number is due');
  return value;
}

function index(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw bad('an impossible index');
  return value;
}

function array(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw bad('something else where a list is due');
  return value;
}

function binary(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw bad('something else where a byte string is due');
  return value;
}

function bad(what: string): VolleyError {
  return new VolleyError('DECODE', `these bytes are not a value that Volley encoded: ${what}`, { why: what });
}
