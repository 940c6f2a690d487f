/** A bug in Volley itself: never an expected failure, never caught to go on. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** States an invariant. `story` says what was true instead; pass a function when building it costs something. */
export function assert(condition: unknown, story: string | (() => string)): asserts condition {
  if (!condition) {
    throw new AssertionError(`volley bug: ${typeof story === 'string' ? story : story()}`);
  }
}

/** The default branch of a switch over a closed union. */
export function assertNever(value: never): never {
  throw new AssertionError(`volley bug: unexpected ${JSON.stringify(value)}`);
}
