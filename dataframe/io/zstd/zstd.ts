import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { limits } from '../../../core/base/limits.js';
import { hasVectors } from '../../codegen/wasm/vectors.js';
import { readFrameHead } from './head.js';
import { unpackFrames } from './unpack.js';

/** zlib's zstd exists from Node 22.15 on. */
const native = zlib as {
  zstdCompressSync?: (input: Uint8Array) => Uint8Array;
  zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
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

/** What a page of columns takes: fast, as other writers of Parquet have it. */
const level = 3;

/** To be awaited once before packZstd and unpackZstd are called: on older versions of Node the former is WebAssembly of a package. */
export async function loadZstd(): Promise<void> {
  if (native.zstdDecompressSync !== undefined || wasm !== undefined) return;
  const require = createRequire(import.meta.url);
  const create = require('@foxglove/wasm-zstd/dist/wasm-zstd.js') as () => Promise<ZstdModule>;
  loading ??= create();
  wasm = await loading;
}

/** To be awaited before unpackZstd. */
export async function loadUnpackZstd(): Promise<void> {
  if (!hasVectors()) await loadZstd();
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
 * Never more than `size` bytes, which last until the next call, or lie in `room`: what a frame's header claims is compared with it first. Only
 * the first `enough` of them, where that is less work.
 */
export function unpackZstd(
  input: Uint8Array,
  size: number,
  enough = size,
  room: ((bytes: number) => Uint8Array) | null = null,
): Uint8Array {
  const claimed = zstdContentSize(input);
  if (claimed !== null && claimed !== size) {
    throw new RangeError(`a page of ${claimed} bytes claims ${size}`);
  }
  if (hasVectors()) {
    const out = unpackFrames(input, size, Math.min(enough, size), room);
    return out.length < size ? out.subarray(0, enough) : out;
  }
  // zlib takes none below 64 bytes.
  if (native.zstdDecompressSync !== undefined)
    return native.zstdDecompressSync(input, { maxOutputLength: Math.max(size, 64) });
  return inWasm(input, size, (to, from) => wasm!._decompress(to, size, from, input.length));
}

/** Frame_Content_Size of RFC 8878; null when the frame does not tell. */
export function zstdContentSize(input: Uint8Array): number | null {
  return readFrameHead(input, 0).size;
}
