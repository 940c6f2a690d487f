import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import { noChecksum, type OwnedPartition } from '../graph/partition.js';
import { isRich, packValue, unpackValue } from './msgpack.js';
import { InputSlot } from './value-kinds.js';

export { InputSlot } from './value-kinds.js';

/** A value laid out for a partition, before any of its bytes are copied. */
export interface PayloadPlan {
  /** Bytes writeInto() fills; 0 for a small value without large buffers, which lies in `meta` as a whole. */
  readonly byteLength: number;
  /** Becomes PartitionHeader.meta. */
  readonly meta: Uint8Array;
  /** The value as encodeValue() would write it where that takes at most `maxBytes`; else null. Costs little. */
  inline(maxBytes: number): Uint8Array | null;
  /** Writes all `byteLength` bytes, padding included, at the start of `target`. */
  writeInto(target: Uint8Array): void;
}

/**
 * First byte of a meta. Inline: the value's msgpack follows. Stored: it lies at the start of the bytes, because it is
 * large, and its length follows as u32, little endian. Large binary follows at multiples of limits.alignment.
 */
const inlineMeta = 0;
const storedMeta = 1;
/** A body from this size on is part of the bytes, where the stores account for it and can spill it. */
const storedBodyBytes = 4096;

/**
 * Lays out a task's value: msgpack, and every binary of limits.outOfBandBytes or more as it is, aligned, so that it is
 * copied once when written and not at all when read. Throws SERIALIZATION, naming the place, for what cannot travel.
 */
export function planPayload(value: unknown, name = 'the value'): PayloadPlan {
  const buffers: Uint8Array[] = [];
  const offsets: number[] = [];
  let end = 0;
  const body = packValue(
    value,
    bytes => {
      const offset = end;
      buffers.push(bytes);
      offsets.push(offset);
      end = aligned(offset + bytes.byteLength);
      return offset;
    },
    name,
  );
  const stored = body.byteLength >= storedBodyBytes;
  const base = stored ? aligned(body.byteLength) : 0;
  const byteLength = end === 0 ? (stored ? body.byteLength : 0) : base + end;
  if (byteLength > limits.slabBytes) throw tooLarge(name, byteLength);
  const meta = new Uint8Array(stored ? 5 : body.byteLength + 1);
  meta[0] = stored ? storedMeta : inlineMeta;
  if (stored) new DataView(meta.buffer).setUint32(1, body.byteLength, true);
  else meta.set(body, 1);
  return {
    byteLength,
    meta,
    inline(maxBytes) {
      if (body.byteLength + end > maxBytes) return null;
      return end === 0 ? body : encodeValue(value, name);
    },
    writeInto(target) {
      let at = 0;
      if (stored) {
        target.set(body, 0);
        at = body.byteLength;
      }
      for (let i = 0; i < buffers.length; i++) {
        const start = base + offsets[i]!;
        target.fill(0, at, start);
        target.set(buffers[i]!, start);
        at = start + buffers[i]!.byteLength;
      }
      target.fill(0, at, byteLength);
    },
  };
}

/** A value as a partition: `rows` is 1. */
export function encodePayload(value: unknown, name?: string): OwnedPartition {
  const plan = planPayload(value, name);
  const bytes = new Uint8Array(plan.byteLength);
  plan.writeInto(bytes);
  const header = { rows: 1, byteLength: plan.byteLength, checksum: noChecksum, meta: plan.meta };
  return { header, bytes };
}

/**
 * The value of a partition. Large typed arrays are views of `bytes`: they are valid as long as the lease on them, and
 * must not be written to. Throws DECODE for bytes that are not what they claim.
 */
export function decodePayload(meta: Uint8Array, bytes: Uint8Array): unknown {
  if (meta[0] === inlineMeta) return unpackValue(meta.subarray(1), bytes);
  if (meta[0] !== storedMeta || meta.byteLength !== 5) throw badMeta('its meta is of no known form');
  const length = new DataView(meta.buffer, meta.byteOffset).getUint32(1, true);
  if (length > bytes.byteLength) throw badMeta('its body is longer than its bytes');
  return unpackValue(bytes.subarray(0, length), bytes.subarray(Math.min(aligned(length), bytes.byteLength)));
}

/** Bytes a value will take as a partition, without those of its meta. */
export function payloadByteLength(value: unknown): number {
  return planPayload(value).byteLength;
}

/** One self-contained byte string: arguments of a task, inline results. */
export function encodeValue(value: unknown, name = 'the value'): Uint8Array {
  return packValue(value, null, name);
}

/** The value of encodeValue's bytes; shares no memory with them. Throws DECODE. */
export function decodeValue(bytes: Uint8Array): unknown {
  return unpackValue(bytes, null);
}

/** The arguments of a task: decodes them and puts `inputs` into their slots, without a walk where there are none. */
export function decodeArguments(bytes: Uint8Array, inputs: readonly unknown[]): unknown[] {
  const args = unpackValue(bytes, null);
  if (!Array.isArray(args)) throw new VolleyError('DECODE', 'the arguments of a task are not a list', {});
  return (isRich(bytes) ? resolveInputs(args, inputs) : args) as unknown[];
}

/**
 * Puts inputs into the slots found in arrays and plain objects. What holds no slot is returned as it is; what holds
 * one is copied, never changed.
 */
export function resolveInputs(value: unknown, inputs: readonly unknown[]): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof InputSlot) {
    if (value.index >= inputs.length) {
      throw new VolleyError('DECODE', `slot ${value.index} of a task with ${inputs.length} inputs`, {});
    }
    return inputs[value.index];
  }
  if (Array.isArray(value)) return resolveItems(value, inputs);
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  let copy: Record<string, unknown> | null = null;
  for (const [key, item] of Object.entries(value)) {
    const resolved = resolveInputs(item, inputs);
    if (resolved === item) continue;
    copy ??= Object.assign(Object.create(prototype), value) as Record<string, unknown>;
    copy[key] = resolved;
  }
  return copy ?? value;
}

function resolveItems(items: readonly unknown[], inputs: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | null = null;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (typeof item !== 'object' || item === null) continue;
    const resolved = resolveInputs(item, inputs);
    if (resolved === item) continue;
    copy ??= items.slice();
    copy[i] = resolved;
  }
  return copy ?? items;
}

function aligned(offset: number): number {
  return Math.ceil(offset / limits.alignment) * limits.alignment;
}

function tooLarge(name: string, byteLength: number): VolleyError {
  return new VolleyError(
    'SERIALIZATION',
    `${name} takes ${byteLength} bytes; one value may take ${limits.slabBytes}. Return it in parts, or write it to a file`,
    { byteLength, limit: limits.slabBytes },
  );
}

function badMeta(why: string): VolleyError {
  return new VolleyError('DECODE', `this partition is not a value that Volley encoded: ${why}`, { why });
}
