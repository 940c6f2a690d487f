import { types } from 'node:util';
import { limits } from '../base/limits.js';
import { type ErrorParts, takeApart } from './error-parts.js';
import { binaryTypes, InputSlot, Kind, MARK } from './value-kinds.js';
import { explainRefusal, refusalOf } from './value-refusal.js';

/** A value as plain data that msgpackr packs exactly; `rich` when it holds marks, which raise() must undo. */
export interface LoweredValue {
  readonly tree: unknown;
  readonly rich: boolean;
}

/** Takes binary out of the value; answers the offset at which it will lie. null: binary stays in the tree. */
export type BinarySink = ((bytes: Uint8Array) => number) | null;

interface Lowering {
  rich: boolean;
  nodes: number;
  /** Errors seen; theirs could unfold without end, and beyond the bound they are left out. */
  errors: number;
  /** Containers being walked, outermost first. */
  readonly path: object[];
  readonly sink: BinarySink;
}

/** Thrown on the fast walk, which keeps no path; explainRefusal() walks again and finds it. */
const refused = Symbol('refused');
const maxMap16 = 65_535;
const containerWeight = 4;
/** Below this depth a cycle costs little before it is noticed, so shallow values are not searched for one. */
const cycleCheckDepth = 8;

/**
 * Lowers a value. What is plain already is returned as it is; only what must change is copied.
 * Throws SERIALIZATION, naming the place, for what cannot travel.
 */
export function lowerValue(value: unknown, sink: BinarySink, rootName: string): LoweredValue {
  const state: Lowering = { rich: false, nodes: 0, errors: 0, path: [], sink };
  try {
    return { tree: lower(value, state), rich: state.rich };
  } catch (error) {
    if (error !== refused) throw error;
    throw explainRefusal(value, rootName);
  }
}

function lower(value: unknown, state: Lowering): unknown {
  switch (typeof value) {
    case 'number':
      return value !== 0 || 1 / value > 0 ? value : mark(state, [Kind.NegativeZero]);
    case 'string':
      return isWellFormed(value) ? value : mark(state, [Kind.Utf16, utf16Bytes(value)]);
    case 'boolean':
    case 'undefined':
      return value;
    case 'bigint':
      return mark(state, [Kind.BigInt, value.toString(16)]);
    case 'object':
      return value === null ? null : lowerObject(value, state);
    default:
      throw refused;
  }
}

function lowerObject(value: object, state: Lowering): unknown {
  if (types.isProxy(value)) throw refused;
  const depth = state.path.length;
  if (depth >= cycleCheckDepth && (depth >= limits.decodeDepth || state.path.includes(value))) throw refused;
  state.path.push(value);
  const prototype = Object.getPrototypeOf(value);
  let tree: unknown;
  if (prototype === Object.prototype) tree = lowerRecord(value as Record<string, unknown>, state, false);
  else if (Array.isArray(value)) tree = lowerArray(value, state, prototype !== Array.prototype);
  else if (prototype === null) tree = lowerEntries(value as Record<string, unknown>, state, true);
  else tree = lowerOther(value, state);
  state.path.pop();
  return tree;
}

function lowerRecord(value: Record<string, unknown>, state: Lowering, copyAlways: boolean): unknown {
  const keys = Object.keys(value);
  count(state, keys.length);
  if (keys.length > maxMap16) return lowerEntries(value, state, false);
  let copy: Record<string, unknown> | null = copyAlways ? {} : null;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key === '__proto__' || key === MARK || !isWellFormed(key)) return lowerEntries(value, state, false);
    const item = value[key];
    const lowered = lower(item, state);
    if (copy !== null) copy[key] = lowered;
    else if (!Object.is(lowered, item)) {
      copy = {};
      for (let k = 0; k < i; k++) copy[keys[k]!] = value[keys[k]!];
      copy[key] = lowered;
    }
  }
  return copy ?? value;
}

function lowerArray(value: readonly unknown[], state: Lowering, copyAlways: boolean): unknown {
  const length = value.length;
  if (length > 0 && !(length - 1 in value)) return lowerSparse(value, state);
  count(state, length);
  let copy: unknown[] | null = copyAlways ? new Array(length) : null;
  for (let i = 0; i < length; i++) {
    const item = value[i];
    if (item === undefined && !(i in value)) return lowerSparse(value, state);
    const lowered = lower(item, state);
    if (copy !== null) copy[i] = lowered;
    else if (!Object.is(lowered, item)) {
      copy = value.slice();
      copy[i] = lowered;
    }
  }
  return copy ?? value;
}

function lowerSparse(value: readonly unknown[], state: Lowering): unknown {
  const indices: number[] = [];
  const items: unknown[] = [];
  for (const key of Object.keys(value)) {
    const index = Number(key);
    if (!(index >= 0 && index < value.length) || String(index) !== key) continue;
    indices.push(index);
    items.push(lower(value[index], state));
  }
  count(state, indices.length);
  return mark(state, [Kind.Sparse, value.length, indices, items]);
}

function lowerEntries(value: Record<string, unknown>, state: Lowering, nullPrototype: boolean): unknown {
  const parts: unknown[] = [Kind.Entries, nullPrototype];
  const keys = Object.keys(value);
  count(state, keys.length);
  for (const key of keys) parts.push(lower(key, state), lower(value[key], state));
  return mark(state, parts);
}

function lowerOther(value: object, state: Lowering): unknown {
  if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return lowerBinary(value, state);
  if (value instanceof InputSlot) return mark(state, [Kind.Slot, value.index]);
  if (types.isDate(value)) return mark(state, [Kind.Date, Date.prototype.getTime.call(value)]);
  if (types.isMap(value)) return lowerMap(value, state);
  if (types.isSet(value)) {
    count(state, value.size);
    return mark(state, [Kind.Set, Array.from(value, item => lower(item, state))]);
  }
  if (types.isRegExp(value)) return mark(state, [Kind.RegExp, lower(value.source, state), value.flags]);
  if (value instanceof Error || types.isNativeError(value)) return lowerError(takeApart(value), state);
  if (value instanceof URL) return mark(state, [Kind.Url, value.href]);
  if (types.isBoxedPrimitive(value)) return mark(state, [Kind.Boxed, lower(value.valueOf(), state)]);
  if (refusalOf(value) !== null) throw refused;
  return lowerRecord(value as Record<string, unknown>, state, true);
}

function lowerMap(value: ReadonlyMap<unknown, unknown>, state: Lowering): unknown {
  count(state, value.size * 2);
  const parts: unknown[] = [Kind.Map];
  for (const [key, item] of value) parts.push(lower(key, state), lower(item, state));
  return mark(state, parts);
}

function lowerBinary(value: ArrayBufferView | ArrayBufferLike, state: Lowering): unknown {
  const bytes = ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
  const type = binaryTypeOf(value);
  if (state.sink !== null && bytes.byteLength >= limits.outOfBandBytes) {
    return mark(state, [Kind.Binary, type, state.sink(bytes), bytes.byteLength]);
  }
  return mark(state, [Kind.Binary, type, bytes]);
}

function binaryTypeOf(value: ArrayBufferView | ArrayBufferLike): number {
  if (value instanceof Uint8Array) return 0;
  for (let type = 1; type < binaryTypes.length; type++) {
    const { view } = binaryTypes[type]!;
    if (view !== null && value instanceof view) return type;
  }
  if (ArrayBuffer.isView(value)) throw refused;
  return binaryTypes.length - 1;
}

/** The parts of an error that can travel: a property that cannot is left out, for the error matters more. */
function lowerError(parts: ErrorParts, state: Lowering): unknown {
  const properties: unknown[] = [];
  for (const [key, value] of parts.properties) {
    const lowered = lowerIfPossible(value, state);
    if (lowered !== refused) properties.push(lower(key, state), lowered);
  }
  const cause = lowerIfPossible(parts.cause, state);
  const errors = parts.errors?.map(member => lowerIfPossible(member, state)).filter(item => item !== refused);
  return mark(state, [
    Kind.Error,
    lower(parts.name, state),
    lower(parts.message, state),
    lower(parts.stack, state),
    typeof parts.code === 'string' ? lower(parts.code, state) : (parts.code ?? null),
    cause === refused ? undefined : cause,
    errors ?? null,
    properties,
  ]);
}

function lowerIfPossible(value: unknown, state: Lowering): unknown {
  const depth = state.path.length;
  if (depth >= limits.decodeDepth / 2 || state.path.includes(value as object)) return refused;
  if (value instanceof Error && ++state.errors > limits.failureErrors) return refused;
  try {
    return lower(value, state);
  } catch (error) {
    if (error !== refused) throw error;
    state.path.length = depth;
    return refused;
  }
}

function mark(state: Lowering, parts: unknown[]): object {
  state.rich = true;
  return { [MARK]: parts };
}

function count(state: Lowering, nodes: number): void {
  state.nodes += nodes + containerWeight;
  if (state.nodes > limits.valueNodes) throw refused;
}

/** ES2024, in every Node that Volley runs on. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

function utf16Bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'utf16le'));
}
