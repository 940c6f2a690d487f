import { types } from 'node:util';
import { limits } from '../base/limits.js';
import type { FailureData } from '../graph/failure.js';
import { type ErrorParts, rebuild, takeApart } from './error-parts.js';
import { packData, unpackData } from './msgpack.js';

/** Anything that was thrown, as plain data. `task` says where. Never throws itself. */
export function toFailure(error: unknown, task?: FailureData['task']): FailureData {
  const failure = describe(error, 0, { errors: limits.failureErrors });
  return task === undefined ? failure : { ...failure, task };
}

/**
 * The error again, for the caller: class, code, cause and properties as thrown; `stack` is the remote one, followed by
 * `localStack` (a stack captured where the task was submitted or awaited). `task` is a hidden property. What was not an
 * Error when thrown comes back as the value it was.
 */
export function fromFailure(data: FailureData, localStack?: string): Error | unknown {
  const error = restore(data);
  if (!isError(error) || data.thrown !== undefined) return error;
  const frames = localStack?.slice(localStack.indexOf('\n    at ') + 1).trimEnd();
  if (frames !== undefined && frames !== '') {
    const stack = `${data.stack}\n    ---- awaited here ----\n${frames}`;
    Object.defineProperty(error, 'stack', { value: stack, writable: true, configurable: true });
  }
  if (data.task !== undefined) {
    Object.defineProperty(error, 'task', { value: data.task, writable: true, configurable: true });
  }
  return error;
}

/** `left.errors` bounds causes and members over the whole tree, which shared ones could unfold without end. */
function describe(error: unknown, depth: number, left: { errors: number }): FailureData {
  if (!isError(error)) return describeThrown(error);
  const parts = takeApart(error);
  const inner = (value: unknown): FailureData => describe(value, depth + 1, left);
  const room = (): boolean => depth < limits.failureDepth && left.errors-- > 0;
  const cause = parts.cause !== undefined && room() ? inner(parts.cause) : undefined;
  const errors = parts.errors?.flatMap(member => (room() ? [inner(member)] : []));
  return {
    name: parts.name,
    message: parts.message,
    stack: parts.stack,
    ...(parts.code !== undefined && { code: parts.code }),
    ...(cause !== undefined && { cause }),
    ...(errors !== undefined && { errors }),
    ...packProperties(parts),
  };
}

function describeThrown(value: unknown): FailureData {
  const text = describeValue(value);
  const data = { name: 'thrown', message: text, stack: '' };
  return { ...data, thrown: tryPack(value) ?? packData(text) };
}

/** Properties one by one until the bound: one that cannot travel takes none of the others with it. */
function packProperties(parts: ErrorParts): { properties?: Uint8Array } {
  const kept: Record<string, unknown> = Object.create(null);
  let bytes = 0;
  for (const [key, value] of parts.properties) {
    const packed = tryPack(value);
    if (packed === null || bytes + packed.byteLength > limits.failurePropertyBytes) continue;
    bytes += packed.byteLength;
    kept[key] = value;
  }
  return bytes === 0 ? {} : { properties: packData(kept) };
}

function tryPack(value: unknown): Uint8Array | null {
  try {
    return packData(value);
  } catch {
    return null;
  }
}

function tryUnpack(bytes: Uint8Array, otherwise: unknown): unknown {
  try {
    return unpackData(bytes);
  } catch {
    return otherwise;
  }
}

function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function describeValue(value: unknown): string {
  try {
    return String(value).slice(0, limits.failureTextChars);
  } catch {
    return 'a value that cannot be shown';
  }
}

function restore(data: FailureData): unknown {
  // Bytes that were damaged on the way must not hide what failed: they count as absent.
  if (data.thrown !== undefined) return tryUnpack(data.thrown, data.message);
  const properties = data.properties === undefined ? {} : tryUnpack(data.properties, {});
  return rebuild({
    name: data.name,
    message: data.message,
    stack: data.stack,
    code: data.code,
    cause: data.cause === undefined ? undefined : restore(data.cause),
    errors: data.errors?.map(restore),
    properties: Object.entries(Object(properties)),
  });
}
