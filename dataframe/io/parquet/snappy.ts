import { kernelMemory } from '../../../core/base/kernel-memory.js';
import { limits } from '../../../core/base/limits.js';
import { type AssembledFunction, functionFor } from '../../codegen/wasm/assemble.js';
import { copyInto } from '../../column/copy-bytes.js';
import { snappyFunction, snappyOver, unpackSlack } from './snappy-wasm.js';

/** From this share of its size on, snappy data is almost all literals: copied here, it is not copied twice. */
const mostlyLiterals = 0.9;

let unpacker: AssembledFunction | undefined;

/**
 * Raw snappy data of exactly `size` bytes, in memory that the next call uses again or that `room` gives; or only the first
 * `enough` of them, where that is less work.
 * @throws RangeError whatever the bytes are, when they are not exactly that
 */
export function unpackSnappy(
  input: Uint8Array,
  size: number,
  room: (bytes: number) => Uint8Array,
  enough = size,
): Uint8Array {
  let p = 0;
  let claimed = 0;
  for (let shift = 0; ; shift += 7) {
    if (p >= input.length || shift > 28) throw new RangeError('snappy data ends too early');
    const byte = input[p++]!;
    claimed += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (claimed !== size) throw new RangeError(`a page of ${claimed} bytes claims ${size}`);
  const large = input.length + size + 3 * unpackSlack > limits.unpackKeptBytes;
  if (!large && input.length < size * mostlyLiterals)
    return unpackInPlace(input, p, size, room, enough) ?? unpackInWasm(input, p, size);
  return unpackHere(input, p, room(size), size);
}

/** Where it and the room for it lie in the memory of this thread's kernels: nothing is copied, and they find the result. */
function unpackInPlace(
  input: Uint8Array,
  p: number,
  size: number,
  room: (bytes: number) => Uint8Array,
  enough: number,
): Uint8Array | null {
  const memory = kernelMemory()?.memory;
  if (memory === undefined || input.buffer !== memory.buffer) return null;
  const out = room(size + unpackSlack);
  if (out.buffer !== memory.buffer) return null;
  const run = functionFor(memory, 'snappy', () => snappyOver(memory));
  const { byteOffset: from } = input;
  const { byteOffset: start } = out;
  const least = Math.min(enough, size);
  const damaged = run(from + p, from + input.length, start, start + size, start + least);
  if (damaged !== 0) throw new RangeError('snappy data is damaged');
  return out.subarray(0, least);
}

/** Its memory is never given back, so it is for what is not large. */
function unpackInWasm(input: Uint8Array, p: number, size: number): Uint8Array {
  unpacker ??= snappyFunction();
  const { memory } = unpacker;
  const start = (input.length + unpackSlack + 15) & ~15;
  const missing = start + size + unpackSlack - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
  const bytes = new Uint8Array(memory.buffer);
  copyInto(bytes, 0, input);
  if (unpacker.run(p, input.length, start, start + size, start + size) !== 0)
    throw new RangeError('snappy data is damaged');
  return bytes.subarray(start, start + size);
}

function unpackHere(input: Uint8Array, p: number, out: Uint8Array, size: number): Uint8Array {
  let q = 0;
  while (p < input.length) {
    const tag = input[p++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const more = length - 60;
        length = 1;
        for (let i = 0; i < more; i++) length += (input[p + i] ?? 0) * 2 ** (8 * i);
        p += more;
      }
      if (p + length > input.length || q + length > size) throw new RangeError('snappy data is damaged');
      if (length > 48) copyInto(out, q, input.subarray(p, p + length));
      else for (let i = 0; i < length; i++) out[q + i] = input[p + i]!;
      p += length;
      q += length;
      continue;
    }
    let length = (tag >>> 2) + 1;
    let back: number;
    if (kind === 1) {
      length = ((tag >>> 2) & 7) + 4;
      back = ((tag >>> 5) << 8) | (input[p] ?? 0);
    } else {
      back = (input[p] ?? 0) | ((input[p + 1] ?? 0) << 8);
      if (kind === 3) back += (input[p + 2] ?? 0) * 65_536 + (input[p + 3] ?? 0) * 16_777_216;
    }
    p += kind === 3 ? 4 : kind;
    if (p > input.length || back === 0 || back > q || q + length > size) {
      throw new RangeError('snappy data is damaged');
    }
    for (const end = q + length; q < end; q++) out[q] = out[q - back]!;
  }
  if (q !== size) throw new RangeError(`a page of ${q} bytes claims ${size}`);
  return out;
}
