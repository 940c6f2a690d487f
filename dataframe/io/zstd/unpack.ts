import { kernelMemory, type WasmMemory, wasm } from '../../../core/base/kernel-memory.js';
import { limits } from '../../../core/base/limits.js';
import { copyInto } from '../../column/copy-bytes.js';
import { framesBytes, framesSlack, ZstdFrames } from './frames.js';

/** Where the frames are unpacked, and with what. */
interface Place {
  readonly memory: WasmMemory;
  readonly frames: ZstdFrames;
}

/** In the memory of this thread's kernels, and where that cannot be, in one that is nobody else's. */
let shared: (Place & { readonly workspace: number }) | undefined;
let own: Place | undefined;

/** Of the own memory: what comes before the input. */
const ownInputAt = Math.ceil(framesBytes / 64) * 64;
const pageBytes = 65_536;
const mostPages = 65_535;

/**
 * Frames of zstd of `size` bytes together, in memory that the next call uses again or that `room` gives; or only the first `enough` of them or more,
 * where that is less work.
 * @throws RangeError whatever the bytes are, when they are no such frames
 */
export function unpackFrames(
  input: Uint8Array,
  size: number,
  enough: number,
  room: ((bytes: number) => Uint8Array) | null,
): Uint8Array {
  const home = kernelMemory();
  if (room !== null && home !== null && input.buffer === home.buffer) {
    const out = room(size + framesSlack);
    if (out.buffer === home.buffer) {
      const { memory, workspace } = home;
      if (shared?.memory !== memory || shared.workspace !== workspace)
        shared = { memory, workspace, frames: new ZstdFrames(memory, workspace) };
      return out.subarray(0, shared.frames.unpack(input, out.byteOffset, size, enough));
    }
  }
  return unpackApart(input, size, enough);
}

function unpackApart(input: Uint8Array, size: number, enough: number): Uint8Array {
  const outAt = Math.ceil((ownInputAt + input.length + framesSlack) / 64) * 64;
  const bytes = outAt + size + framesSlack;
  let place = own;
  if (place === undefined || place.memory.buffer.byteLength < bytes) {
    place = placeOf(bytes);
    own = bytes > limits.unpackKeptBytes ? undefined : place;
  }
  const there = new Uint8Array(place.memory.buffer);
  copyInto(there, ownInputAt, input);
  const length = place.frames.unpack(
    there.subarray(ownInputAt, ownInputAt + input.length),
    outAt,
    size,
    enough,
  );
  return there.subarray(outAt, outAt + length);
}

/** Twice as much as is wanted, because pages of a file are of about one size. */
function placeOf(bytes: number): Place {
  const least = Math.ceil(bytes / pageBytes);
  const pages = bytes > limits.unpackKeptBytes ? least : Math.ceil((2 * bytes) / pageBytes);
  if (least > mostPages) throw new RangeError(`no memory for a page of ${bytes} bytes`);
  const memory = new wasm.Memory({ initial: pages, maximum: pages, shared: true });
  return { memory, frames: new ZstdFrames(memory, 0) };
}
