/** Every code a user can meet. Closed: callers may switch on it. */
export type ErrorCode =
  // graph and tasks
  | 'FUNCTION_NOT_SHIPPABLE' // a free variable, a native or bound function; data.names
  | 'SERIALIZATION' // a value that cannot be encoded: a function, a cycle
  | 'DECODE' // bytes that are not what they claim: bad msgpack, forbidden extension, wrong shape
  | 'CANCELLED'
  | 'TIMEOUT'
  | 'TASK_QUARANTINED' // killed three engines; data.history
  | 'WORKER_LOST' // system failures exhausted the retries; data.history
  | 'THREAD_LOST' // the task's thread ran out of heap or exited
  | 'DATA_LOST' // a result that nothing can recompute
  | 'RELEASED' // a result that was released is asked for
  // session and cluster
  | 'UNREACHABLE' // the head does not answer, or the stream broke; data.address
  | 'UNAUTHENTICATED'
  | 'VERSION_MISMATCH'
  | 'INSECURE_BIND'
  | 'PROTOCOL' // a peer broke the protocol
  | 'RESOURCE_EXHAUSTED' // a bound of core/base/limits.ts
  | 'SESSION_CLOSED'
  | 'NOT_FOUND'
  | 'INVALID_ARGUMENT'
  | 'UNSUPPORTED'
  // data
  | 'COLUMN_NOT_FOUND' // data.column, data.nearest
  | 'DUPLICATE_COLUMN'
  | 'TYPE_MISMATCH'
  | 'CAST_FAILED' // data.row, data.value
  | 'INTEGER_OVERFLOW'
  | 'INT64_RANGE' // beyond 2^53 where a number was asked for
  | 'FILE_NOT_FOUND'
  | 'ACCESS_DENIED'
  | 'BAD_DATA' // data.file, data.row, data.column, data.text
  | 'SINK_EXISTS'
  | 'CORRUPT_PARTITION'
  | 'OUT_OF_MEMORY'
  | 'INTERNAL';

/**
 * What users see of an expected failure. The message names the valid alternatives and the way out;
 * programs read `code` and `data`, never the message.
 */
export class VolleyError extends Error {
  override readonly name = 'VolleyError';
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.data = data;
  }
}

/** True for a VolleyError, of that code where one is given. */
export function isVolleyError(error: unknown, code?: ErrorCode): error is VolleyError {
  return error instanceof VolleyError && (code === undefined || error.code === code);
}
