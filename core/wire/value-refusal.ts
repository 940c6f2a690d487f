import { types } from 'node:util';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';

/** Why this one value cannot travel, whatever it holds: "is a function"; null when it can. */
export function refusalOf(value: unknown): string | null {
  if (typeof value === 'function') return 'is a function';
  if (typeof value === 'symbol') return 'is a symbol';
  if (typeof value !== 'object' || value === null) return null;
  if (types.isProxy(value)) return 'is a Proxy';
  if (types.isPromise(value)) return 'is a Promise: await it first';
  if (types.isWeakMap(value)) return 'is a WeakMap';
  if (types.isWeakSet(value)) return 'is a WeakSet';
  if (types.isExternal(value)) return 'is a handle of native code';
  if (types.isSymbolObject(value)) return 'is a symbol';
  if (Array.isArray(value) || travels(value)) return null;
  if (typeof read(value, 'then') === 'function') return 'is a thenable: await it first';
  if (typeof read(value, 'pipe') === 'function') return 'is a stream';
  if (typeof read(value, 'next') === 'function' && Symbol.iterator in value) return 'is an iterator';
  if (typeof read(value, 'next') === 'function' && Symbol.asyncIterator in value)
    return 'is an async iterator';
  // Platform objects (Blob, AbortSignal, ReadableStream, Intl.*) keep their state where no copy can reach it.
  const tag = read(value, Symbol.toStringTag);
  if (typeof tag === 'string' && Object.keys(value).length === 0) {
    return `is a ${tag}, which has no properties that could be copied`;
  }
  return null;
}

/** Types with a form of their own on the wire. */
function travels(value: object): boolean {
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value) || types.isDate(value)) return true;
  if (types.isMap(value) || types.isSet(value) || types.isRegExp(value)) return true;
  if (types.isNativeError(value) || value instanceof Error || value instanceof URL) return true;
  if (types.isBoxedPrimitive(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

const wayOut =
  'Values are copied as plain data: primitives, arrays, objects, Map, Set, Date, RegExp, Error, typed arrays.';

/** Finds what made a value untransportable and says where it is. Called only once that is certain. */
export function explainRefusal(root: unknown, rootName: string): VolleyError {
  const seen = new Set<object>();
  const above = new Map<object, string>();
  const found = search(root, rootName);
  const { path, why } = found ?? {
    path: rootName,
    why: `unfolds to more than ${limits.valueNodes} elements (objects that are reached twice are copied twice)`,
  };
  return new VolleyError('SERIALIZATION', `${path} ${why}. ${wayOut}`, { path, why });

  function search(value: unknown, path: string): { path: string; why: string } | null {
    const why = refusalOf(value);
    if (why !== null) return { path, why };
    if (typeof value !== 'object' || value === null) return null;
    const earlier = above.get(value);
    if (earlier !== undefined) return { path, why: `is ${earlier} again: a cycle` };
    if (above.size >= limits.decodeDepth) {
      return { path, why: `is nested deeper than ${limits.decodeDepth} levels` };
    }
    // Without an error inside of it the first time, it has none the second time; errors leave out what cannot travel.
    if (seen.has(value) || value instanceof Error) return null;
    seen.add(value);
    above.set(value, path);
    for (const [key, item] of children(value, path)) {
      const inner = search(item, key);
      if (inner !== null) return inner;
    }
    above.delete(value);
    return null;
  }
}

function* children(value: object, path: string): Generator<[string, unknown]> {
  if (ArrayBuffer.isView(value)) return;
  if (types.isMap(value)) {
    let entry = 0;
    for (const [key, item] of value) {
      yield [`the key of entry ${entry} of ${path}`, key];
      yield [
        typeof key === 'string' ? `${path}.get(${JSON.stringify(key)})` : `entry ${entry} of ${path}`,
        item,
      ];
      entry++;
    }
    return;
  }
  if (types.isSet(value)) {
    let item = 0;
    for (const member of value) yield [`item ${item++} of ${path}`, member];
    return;
  }
  for (const key of Object.keys(value)) yield [path + step(value, key), read(value, key)];
}

function step(owner: object, key: string): string {
  if (Array.isArray(owner)) return `[${key}]`;
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function read(from: object, key: string | symbol): unknown {
  return (from as Record<string | symbol, unknown>)[key];
}
