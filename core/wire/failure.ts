import { limits } from '../base/limits.js';
import type { FailureData } from '../graph/failure.js';
import { type ErrorParts, rebuild, takeApart } from './error-parts.js';
import { packData, unpackData } from './msgpack.js';

/** Anything that was thrown, as plain data. `task` says where. Never throws itself. */
export function toFailure(error: unknown, task?: FailureData['task']): FailureData {
  return task === undefined ? describe(error, 0) : { ...describe(error, 0), task };
}

/**
 * The error again, for the caller: class, code, cause and properties as thrown; `stack` is the remote one, followed by
 * `localStack` (a stack captured where the task was submitted or awaited). `task` is a hidden property. What was not an
 * Error when thrown comes back as the value it was.
 */
export function fromFailure(data: FailureData, localStack?: string): Error | unknown {
  if (data.thrown !== undefined) return unpackData(data.thrown);
  const error = restore(data);
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

function describe(error: unknown, depth: number): FailureData {
  if (!(error instanceof Error)) return describeThrown(error);
  const parts = takeApart(error);
  const deeper = depth < limits.failureDepth;
  return {
    name: parts.name,
    message: parts.message,
    stack: parts.stack,
    ...(parts.code !== undefined && { code: parts.code }),
    ...(deeper && parts.cause !== undefined && { cause: describe(parts.cause, depth + 1) }),
    ...(deeper && parts.errors !== undefined && { errors: parts.errors.map(e => describe(e, depth + 1)) }),
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

function describeValue(value: unknown): string {
  try {
    return String(value).slice(0, limits.failureTextChars);
  } catch {
    return 'a value that cannot be shown';
  }
}

function restore(data: FailureData): Error {
  const properties =
    data.properties === undefined ? {} : unpackData<Record<string, unknown>>(data.properties);
  return rebuild({
    name: data.name,
    message: data.message,
    stack: data.stack,
    code: data.code,
    cause: data.cause === undefined ? undefined : restoreAny(data.cause),
    errors: data.errors?.map(restoreAny),
    properties: Object.entries(properties),
  });
}

function restoreAny(data: FailureData): unknown {
  return data.thrown === undefined ? restore(data) : unpackData(data.thrown);
}
