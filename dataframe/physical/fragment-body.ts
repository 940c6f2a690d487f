import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import { packData, unpackData } from '../../core/wire/msgpack.js';
import { mostNarrowBytes } from '../column/narrow.js';
import type { Fragment } from './fragment.js';

const encoder = new TextEncoder();
/** Of JSON; msgpack of an object or array begins above. */
const [brace, bracket] = [0x7b, 0x5b];

/** Fragments this thread has run by the text of their body, least recently used first. */
const known = new Map<string, Fragment>();

/** A fragment as the body of a template: JSON, which V8 writes by itself, or msgpack where a literal has no form there. */
export function packFragment(fragment: Fragment): Uint8Array {
  return packPlain(fragment);
}

/** The same of any object or array. */
export function packPlain(value: object): Uint8Array {
  return isJson(value) ? encoder.encode(JSON.stringify(value)) : packData(value);
}

/** What packPlain made. Throws DECODE. */
export function readPlain<T extends object>(bytes: Uint8Array): T {
  return unpackPlain(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** A text that is equal for equal values, and for no others: JSON, or msgpack where that does not do. */
export function textOf(value: readonly unknown[]): string {
  return jsonOf(value) ?? Buffer.from(packData(value)).toString('latin1');
}

/** The same, or null where JSON does not do. */
export function jsonOf(value: readonly unknown[]): string | null {
  return isJson(value) ? JSON.stringify(value) : null;
}

/**
 * The fragment of a body. Equal bodies, of whatever job, give one object: what depends on nothing else is worked out
 * once for a query that is asked again and again. Throws DECODE.
 */
export function readFragment(body: Uint8Array): Fragment {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (bytes.byteLength > limits.cachedFragmentBytes) return unpackPlain(bytes);
  const key = bytes.toString('latin1');
  const fragment = known.get(key) ?? unpackPlain<Fragment>(bytes);
  known.delete(key);
  known.set(key, fragment);
  if (known.size > limits.cachedFragments) known.delete(known.keys().next().value!);
  return fragment;
}

/** What tasks do with the rows of their inputs, where they change none and drop none. */
export interface RowMoves {
  /** 'together': they put them one after another; 'apart': they deal them out. */
  readonly how: 'together' | 'apart';
  /** The most bytes a row that narrow forms take, which results have beside the values and inputs do not. */
  readonly narrowBytes: number;
}

/** Null: tasks of this body do anything else. */
export function movesRows(body: Uint8Array): RowMoves | null {
  const { source, ops, sink, inputs } = readFragment(body);
  if (source.kind !== 'input' || ops.length > 0) return null;
  if (sink.kind === 'partition') {
    const narrowBytes = sink.kept === true ? mostNarrowBytes(inputs[source.input]!) : 0;
    return { how: 'together', narrowBytes };
  }
  const apart = sink.kind === 'hash' || sink.kind === 'cut' || sink.kind === 'range';
  return apart ? { how: 'apart', narrowBytes: 0 } : null;
}

function unpackPlain<T>(bytes: Buffer): T {
  if (bytes[0] !== brace && bytes[0] !== bracket) return unpackData<T>(bytes);
  try {
    return JSON.parse(bytes.toString('utf8')) as T;
  } catch (error) {
    throw new VolleyError('DECODE', `this is not JSON: ${(error as Error).message}`);
  }
}

/** JSON gives this value back as it was, and it is not nested too deeply for those who read it. */
function isJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === limits.decodeDepth) return false;
  if (Array.isArray(value)) return value.every(item => isJson(item, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  for (const key in value) if (!isJson((value as Record<string, unknown>)[key], depth + 1)) return false;
  return true;
}
