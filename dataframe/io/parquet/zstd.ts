import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { limits } from '../../../core/base/limits.js';
import { copyInto } from '../../column/copy-bytes.js';

/** zlib's zstd exists from Node 22.15 on. */
const native = zlib as {
  zstdCompressSync?: (input: Uint8Array) => Uint8Array;
  zstdDecompressSync?: (
    input: Uint8Array,
    options: { maxOutputLength: number; chunkSize?: number },
  ) => Uint8Array;
};

/** The package's module: its own functions take new memory for every page, and are slower for it. Bytes and addresses. */
interface ZstdModule {
  /** Another one once the memory has grown, which it never gives back. */
  readonly HEAPU8: Uint8Array;
  _malloc(size: number): number;
  _free(address: number): void;
  _compressBound(size: number): number;
  /** These give the number of bytes at `to`, or -1. */
  _compress(to: number, capacity: number, from: number, length: number, level: number): number;
  _decompress(to: number, capacity: number, from: number, length: number): number;
}
let wasm: ZstdModule | undefined;
let loading: Promise<ZstdModule> | undefined;
/** A place in its memory for a page and what it unpacks to. */
let place = 0;
let placeBytes = 0;

/** Bytes. The window is allocated before anything is decoded; 128 MiB is what zstd's own tool accepts by default. */
const maxZstdWindow = 128 * 1024 * 1024;
/** One byte that stands for a block of it. */
const runBlock = 1;
/** What a page of columns takes: fast, as other writers of Parquet have it. */
const level = 3;

/** To be awaited once before the others are called: on older versions of Node they are WebAssembly. */
export async function loadZstd(): Promise<void> {
  if (native.zstdDecompressSync !== undefined || wasm !== undefined) return;
  const require = createRequire(import.meta.url);
  const create = require('@foxglove/wasm-zstd/dist/wasm-zstd.js') as () => Promise<ZstdModule>;
  loading ??= create();
  wasm = await loading;
}

export function packZstd(input: Uint8Array): Uint8Array {
  if (native.zstdCompressSync !== undefined) return native.zstdCompressSync(input);
  const { _compress, _compressBound } = wasm!;
  const bound = _compressBound(input.length);
  const run = (to: number, from: number) => _compress(to, bound, from, input.length, level);
  return inWasm(input, bound, run).slice();
}

/**
 * Runs `run` with the address of `bytes` bytes and that of the input. @returns what it wrote, which lasts until the next
 * call; large input and output do not keep their place
 */
function inWasm(input: Uint8Array, bytes: number, run: (to: number, from: number) => number): Uint8Array {
  const { _malloc, _free } = wasm!;
  const wanted = bytes + input.length + 16;
  if (wanted > placeBytes || placeBytes > limits.unpackKeptBytes) {
    if (placeBytes > 0) _free(place);
    // Rounded up: pages of a file are of about one size.
    placeBytes = Math.ceil(wanted / 65_536) * 65_536;
    place = _malloc(placeBytes);
    if (place === 0) placeBytes = 0;
    if (place === 0) throw new RangeError(`no memory for a page of ${wanted} bytes`);
  }
  // Where it lies alike within words of eight bytes: else V8 copies from shared memory byte by byte.
  const behind = place + bytes;
  const from = behind + ((input.byteOffset - behind) & 7);
  wasm!.HEAPU8.set(input, from);
  const length = run(place, from);
  if (length < 0) throw new RangeError('zstd data is damaged, or larger than it claims');
  return wasm!.HEAPU8.subarray(place, place + length);
}

/**
 * Never more than `size` bytes, which last until the next call: what a frame's header claims is compared with it first. Only
 * the first `enough` of them, where that is less work.
 */
export function unpackZstd(input: Uint8Array, size: number, enough = size): Uint8Array {
  const claimed = zstdContentSize(input);
  if (claimed !== null && claimed !== size) {
    throw new RangeError(`a page of ${claimed} bytes claims ${size}`);
  }
  const first = enough < size ? firstBlocks(input, size, enough) : null;
  const start = first === null ? null : unpackFrame(first, size, null);
  if (start !== null && start.length >= enough) return start.subarray(0, enough);
  return unpackFrame(input, size, claimed);
}

function unpackFrame(input: Uint8Array, size: number, claimed: number | null): Uint8Array {
  if (native.zstdDecompressSync !== undefined) {
    // In one piece a fifth faster than in many that are put together; zlib takes none below 64 bytes.
    const chunkSize = claimed === null ? undefined : Math.max(size, 64);
    return native.zstdDecompressSync(input, { maxOutputLength: size, ...(chunkSize && { chunkSize }) });
  }
  if (claimed === null && zstdWindow(input) > maxZstdWindow) {
    throw new RangeError(`zstd data asks for a window of ${zstdWindow(input)} bytes`);
  }
  return inWasm(input, size, (to, from) => wasm!._decompress(to, size, from, input.length));
}

/**
 * A frame of the first blocks, as many as `enough` bytes of `size` are likely to need: blocks follow one another, and the
 * last one says so. Null: nearly all of them, or a frame that is more than its blocks.
 */
function firstBlocks(input: Uint8Array, size: number, enough: number): Uint8Array | null {
  const descriptor = input[4]!;
  const singleSegment = (descriptor >> 5) & 1;
  // A checksum would be that of all of it.
  if ((descriptor & 15) !== 0 || size > maxZstdWindow) return null;
  const start = 5 + (1 - singleSegment) + [singleSegment, 2, 4, 8][descriptor >> 6]!;
  const blocks: number[] = [];
  for (let p = start, last = false; !last; ) {
    if (p + 3 > input.length) return null;
    const head = input[p]! | (input[p + 1]! << 8) | (input[p + 2]! << 16);
    blocks.push(p);
    last = (head & 1) === 1;
    p += 3 + (((head >> 1) & 3) === runBlock ? 1 : head >> 3);
  }
  const kept = Math.ceil((blocks.length * enough) / size) + 1;
  if (kept >= blocks.length - 1) return null;
  const end = blocks[kept]!;
  // No size, and a window of all there is.
  const windowLog = Math.max(10, 32 - Math.clz32(size - 1));
  const frame = new Uint8Array(6 + end - start);
  frame.set(input.subarray(0, 4));
  frame[5] = (windowLog - 10) << 3;
  copyInto(frame, 6, input.subarray(start, end));
  frame[6 + blocks[kept - 1]! - start]! |= 1;
  return frame;
}

/** Frame_Content_Size of RFC 8878; null when the frame does not tell. */
export function zstdContentSize(input: Uint8Array): number | null {
  if (input.length < 6 || input[0] !== 0x28 || input[1] !== 0xb5 || input[2] !== 0x2f || input[3] !== 0xfd) {
    throw new RangeError('no zstd data');
  }
  const descriptor = input[4]!;
  const singleSegment = (descriptor >> 5) & 1;
  const sizeBytes = [singleSegment, 2, 4, 8][descriptor >> 6]!;
  if (sizeBytes === 0) {
    return null;
  }
  const at = 5 + (1 - singleSegment) + [0, 1, 2, 4][descriptor & 3]!;
  if (at + sizeBytes > input.length) {
    throw new RangeError('zstd data ends too early');
  }
  let size = 0;
  for (let i = sizeBytes - 1; i >= 0; i--) {
    size = size * 256 + input[at + i]!;
  }
  return sizeBytes === 2 ? size + 256 : size;
}

/** Window_Size of a frame that is not a single segment. */
function zstdWindow(input: Uint8Array): number {
  const base = 2 ** (10 + (input[5]! >> 3));
  return base + (base / 8) * (input[5]! & 7);
}
