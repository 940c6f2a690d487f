/**
 * How values msgpack has no form for lie in a tree of plain data: as `{ [MARK]: [kind, …parts] }`. Objects that carry
 * the mark as a key of their own travel as `Entries`.
 */
export const MARK = '\u0000';

/** Part of the wire format: append only. */
export const Kind = {
  /** -0. */
  NegativeZero: 0,
  /** [hex digits with an optional '-'] */
  BigInt: 1,
  /** [UTF-16 code units as bytes]: a string with unpaired surrogates. */
  Utf16: 2,
  /** [milliseconds; NaN: invalid] */
  Date: 3,
  /** [source, flags] */
  RegExp: 4,
  /** [key, value, key, value, …] */
  Map: 5,
  /** [items] */
  Set: 6,
  /** [index of a type in binaryTypes, bytes] or, out of band, [index, offset, byteLength] */
  Binary: 7,
  /** [length, indices, values] */
  Sparse: 8,
  /** [null prototype?, key, value, …]: keys msgpackr would rename, null prototypes, more than 65,535 keys. */
  Entries: 9,
  /** [name, message, stack, code, cause, errors, properties] */
  Error: 10,
  /** [href] */
  Url: 11,
  /** [primitive]: new Number(1), Object('text'). */
  Boxed: 12,
  /** [index]: an InputSlot. */
  Slot: 13,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

type BinaryConstructor = new (buffer: ArrayBuffer, byteOffset: number, length?: number) => ArrayBufferView;

export interface BinaryType {
  readonly name: string;
  readonly elementBytes: number;
  /** null: an ArrayBuffer. */
  readonly view: BinaryConstructor | null;
}

/** Part of the wire format: append only. */
export const binaryTypes: readonly BinaryType[] = [
  { name: 'Uint8Array', elementBytes: 1, view: Uint8Array },
  { name: 'Int8Array', elementBytes: 1, view: Int8Array },
  { name: 'Uint8ClampedArray', elementBytes: 1, view: Uint8ClampedArray },
  { name: 'Int16Array', elementBytes: 2, view: Int16Array },
  { name: 'Uint16Array', elementBytes: 2, view: Uint16Array },
  { name: 'Int32Array', elementBytes: 4, view: Int32Array },
  { name: 'Uint32Array', elementBytes: 4, view: Uint32Array },
  { name: 'Float32Array', elementBytes: 4, view: Float32Array },
  { name: 'Float64Array', elementBytes: 8, view: Float64Array },
  { name: 'BigInt64Array', elementBytes: 8, view: BigInt64Array },
  { name: 'BigUint64Array', elementBytes: 8, view: BigUint64Array },
  { name: 'DataView', elementBytes: 1, view: DataView },
  { name: 'ArrayBuffer', elementBytes: 1, view: null },
];

/** Stands in a task's arguments for its `index`-th input. */
export class InputSlot {
  readonly index: number;

  constructor(index: number) {
    this.index = index;
  }
}
