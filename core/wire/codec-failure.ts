import type { Failure, Failure__Output } from '../../proto/generated/volley/v1/Failure.js';
import { limits } from '../base/limits.js';
import type { FailureData } from '../graph/failure.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Causes and members deeper than limits.failureDepth are left out: protobuf decoders bound their recursion. */
export function writeFailure(failure: FailureData, depth = 1): Failure {
  const nested = depth < limits.failureDepth;
  return {
    name: failure.name,
    message: failure.message,
    stack: failure.stack,
    ...(typeof failure.code === 'string' ? { textCode: failure.code } : {}),
    ...(typeof failure.code === 'number' ? { numberCode: failure.code } : {}),
    cause: nested && failure.cause ? writeFailure(failure.cause, depth + 1) : null,
    hasErrors: nested && failure.errors !== undefined,
    errors: nested ? (failure.errors ?? []).map(error => writeFailure(error, depth + 1)) : [],
    ...(failure.properties ? { properties: failure.properties } : {}),
    ...(failure.thrown ? { thrown: failure.thrown } : {}),
    task: failure.task ?? null,
  };
}

export function readFailure(wire: Failure__Output): FailureData {
  const out: Mutable<FailureData> = { name: wire.name, message: wire.message, stack: wire.stack };
  if (wire.code === 'textCode') out.code = wire.textCode;
  if (wire.code === 'numberCode') out.code = wire.numberCode;
  if (wire.cause) out.cause = readFailure(wire.cause);
  if (wire.hasErrors) out.errors = wire.errors.map(readFailure);
  if (wire.properties) out.properties = new Uint8Array(wire.properties);
  if (wire.thrown) out.thrown = new Uint8Array(wire.thrown);
  if (wire.task) {
    const { name, id, node, attempt } = wire.task;
    out.task = { name, id, node, attempt };
  }
  return out;
}
