/** An error as plain data: crosses threads and wires, and becomes an Error again at the caller (core/wire/failure). */
export interface FailureData {
  /** Class name: 'TypeError', 'VolleyError', the user's own. */
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** `error.code`, where it is a string or number. */
  readonly code?: string | number;
  readonly cause?: FailureData;
  /** Members of an AggregateError. */
  readonly errors?: readonly FailureData[];
  /** Own enumerable properties that can be encoded; VolleyError.data among them. msgpack bytes. */
  readonly properties?: Uint8Array;
  /** Set when what was thrown was not an Error: msgpack bytes of the value (or of its String()). */
  readonly thrown?: Uint8Array;
  /** Where it happened. */
  readonly task?: {
    readonly name: string;
    readonly id: string;
    readonly node: string;
    readonly attempt: number;
  };
}
