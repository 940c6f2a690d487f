import { endianness } from 'node:os';
import type { BytesTable as WireTable } from '../../proto/generated/volley/v1/BytesTable.js';
import type { OptionalBytes as WireOptional } from '../../proto/generated/volley/v1/OptionalBytes.js';
import { assert } from '../base/assert.js';
import { VolleyError } from '../base/errors.js';
import type { JobId, TaskRef } from '../base/ids.js';
import type { BytesTable } from '../graph/layer.js';

// Arrays of numbers are copied to and from the wire as they lie in memory.
assert(endianness() === 'LE', 'volley needs a little-endian machine');

/** What the checks below throw: the sender is broken, or not a Volley peer. */
export function malformed(what: string): VolleyError {
  return new VolleyError('DECODE', `malformed message: ${what}`, { what });
}

export function check(condition: boolean, what: string): asserts condition {
  if (!condition) throw malformed(what);
}

/** The bytes of a typed array, uncopied. */
export function bytesOf(array: Uint32Array | Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Copies: a frame's bytes are unaligned, and a view would keep the whole frame alive. */
export function readU32(bytes: Uint8Array, what: string): Uint32Array {
  check(bytes.byteLength % 4 === 0, `${what}: ${bytes.byteLength} bytes are not whole 32-bit numbers`);
  const out = new Uint32Array(bytes.byteLength / 4);
  bytesOf(out).set(bytes);
  return out;
}

export function readF64(bytes: Uint8Array, what: string): Float64Array {
  check(bytes.byteLength % 8 === 0, `${what}: ${bytes.byteLength} bytes are not whole 64-bit numbers`);
  const out = new Float64Array(bytes.byteLength / 8);
  bytesOf(out).set(bytes);
  return out;
}

/** Parallel arrays must agree. */
export function checkLength(array: ArrayLike<unknown>, length: number, what: string): void {
  check(array.length === length, `${what} has ${array.length} entries, not ${length}`);
}

/** CSR offsets: `count + 1` of them, never descending, none beyond `total`. */
export function checkOffsets(offsets: Uint32Array, count: number, total: number, what: string): void {
  checkLength(offsets, count + 1, what);
  for (let i = 1; i <= count; i++) check(offsets[i]! >= offsets[i - 1]!, `${what} descends at ${i}`);
  check(offsets[count]! <= total, `${what} ends at ${offsets[count]}, beyond ${total}`);
}

/** A table is rebased on writing when it is a view into a larger one, so that offsets always start at 0. */
export function writeTable(table: BytesTable): WireTable {
  const { offsets, bytes } = table;
  const first = offsets[0] ?? 0;
  const last = offsets[offsets.length - 1] ?? 0;
  if (first === 0) return { offsetsU32: bytesOf(offsets), bytes: bytes.subarray(0, last) };
  const rebased = offsets.map(offset => offset - first);
  return { offsetsU32: bytesOf(rebased), bytes: bytes.subarray(first, last) };
}

export function readTable(
  wire: { offsetsU32: Uint8Array; bytes: Uint8Array },
  count: number,
  what: string,
): BytesTable {
  const offsets = readU32(wire.offsetsU32, what);
  checkOffsets(offsets, count, wire.bytes.byteLength, what);
  return { offsets, bytes: new Uint8Array(wire.bytes) };
}

export function writeOptional(items: readonly (Uint8Array | null)[] | null): WireOptional | null {
  if (items === null) return null;
  const lengths = new Int32Array(items.length);
  let total = 0;
  for (let i = 0; i < items.length; i++) {
    lengths[i] = items[i]?.byteLength ?? -1;
    total += items[i]?.byteLength ?? 0;
  }
  const bytes = Buffer.allocUnsafe(total);
  let at = 0;
  for (const item of items) {
    if (item === null) continue;
    bytes.set(item, at);
    at += item.byteLength;
  }
  return { lengthsI32: bytesOf(lengths), bytes };
}

export function readOptional(
  wire: { lengthsI32: Uint8Array; bytes: Uint8Array } | null | undefined,
  count: number,
  what: string,
): (Uint8Array | null)[] | null {
  if (!wire) return null;
  const lengths = readU32(wire.lengthsI32, what);
  checkLength(lengths, count, what);
  const bytes = new Uint8Array(wire.bytes);
  const out: (Uint8Array | null)[] = new Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = lengths[i]! | 0;
    if (length === -1) {
      out[i] = null;
      continue;
    }
    check(length >= 0 && at + length <= bytes.byteLength, `${what} entry ${i} has ${length} bytes`);
    out[i] = bytes.subarray(at, (at += length));
  }
  check(at === bytes.byteLength, `${what} leaves ${bytes.byteLength - at} bytes over`);
  return out;
}

export function writeRefs(tasks: readonly TaskRef[]): { jobsU32: Uint8Array; indicesU32: Uint8Array } {
  const jobs = Uint32Array.from(tasks, task => task.job);
  const indices = Uint32Array.from(tasks, task => task.index);
  return { jobsU32: bytesOf(jobs), indicesU32: bytesOf(indices) };
}

export function readRefs(
  wire: { jobsU32: Uint8Array; indicesU32: Uint8Array } | null | undefined,
  what: string,
): TaskRef[] {
  const parts = present(wire, what);
  const jobs = readU32(parts.jobsU32, what);
  const indices = readU32(parts.indicesU32, what);
  checkLength(indices, jobs.length, what);
  return Array.from(jobs, (job, i) => ({ job: job as JobId, index: indices[i]! }));
}

/** A part the protocol requires. */
export function present<T>(part: T | null | undefined, what: string): T {
  if (part === null || part === undefined) throw malformed(`${what} is missing`);
  return part;
}

/** A member of a closed set. */
export function oneOf<T extends string>(value: string, members: readonly T[], what: string): T {
  check((members as readonly string[]).includes(value), `${what} '${value.slice(0, 40)}' is unknown`);
  return value as T;
}

export function finite(value: number, what: string): number {
  check(Number.isFinite(value), `${what} is ${value}`);
  return value;
}

/** A bag of names. protobufjs keeps `__proto__` as an own key; nothing downstream should have to. */
export function readBag<T extends string | number>(
  bag: { [key: string]: T },
  what: string,
): Record<string, T> {
  check(!Object.hasOwn(bag, '__proto__'), `${what} has the key __proto__`);
  for (const key of Object.keys(bag)) {
    const value = bag[key];
    if (typeof value === 'number') finite(value, `${what}.${key.slice(0, 40)}`);
  }
  return { ...bag };
}
