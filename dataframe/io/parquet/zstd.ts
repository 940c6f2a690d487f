import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as zlib from 'node:zlib';
import { limits } from '../../../core/base/limits.js';

/** zlib's zstd exists from Node 22.15 on. */
const native = zlib as {
  zstdCompressSync?: (input: Uint8Array) => Uint8Array;
  zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
};
let wasm: typeof import('@bokuweb/zstd-wasm') | undefined;

/** What the package's own functions call; sizes and addresses are in bytes of its memory. */
interface ZstdModule {
  /** Another object once the memory has grown. */
  readonly HEAPU8: Uint8Array;
  _malloc(size: number): number;
  _free(address: number): void;
  _ZSTD_createDCtx(): number;
  _ZSTD_decompress_usingDict(
    context: number,
    to: number,
    capacity: number,
    from: number,
    length: number,
    dictionary: number,
    dictionaryLength: number,
  ): number;
  _ZSTD_isError(code: number): number;
}

/** One context and one place in the module's memory for all pages: the package's functions ask for new ones each time. */
class PageUnpacker {
  readonly #module: ZstdModule;
  readonly #context: number;
  #place = 0;
  #placeBytes = 0;

  constructor(module: ZstdModule) {
    this.#module = module;
    this.#context = module._ZSTD_createDCtx();
  }

  /** At most `size` bytes, which last until the next call. */
  unpack(input: Uint8Array, size: number): Uint8Array {
    const module = this.#module;
    const from = this.#placeOf(size + input.length) + size;
    module.HEAPU8.set(input, from);
    const to = this.#place;
    const length = module._ZSTD_decompress_usingDict(this.#context, to, size, from, input.length, 0, 0);
    if (module._ZSTD_isError(length) !== 0)
      throw new RangeError('zstd data is damaged, or larger than it claims');
    return module.HEAPU8.subarray(to, to + length);
  }

  #placeOf(bytes: number): number {
    if (bytes <= this.#placeBytes) return this.#place;
    const module = this.#module;
    if (this.#placeBytes > 0) module._free(this.#place);
    // Rounded up: pages of a file are of about one size.
    const rounded = Math.ceil(bytes / 65_536) * 65_536;
    this.#place = module._malloc(rounded);
    this.#placeBytes = this.#place === 0 ? 0 : rounded;
    if (this.#place === 0) throw new RangeError(`no memory for a page of ${bytes} bytes`);
    return this.#place;
  }
}
let unpacker: PageUnpacker | undefined;

/** Bytes. The window is allocated before anything is decoded; 128 MiB is what zstd's own tool accepts by default. */
const maxZstdWindow = 128 * 1024 * 1024;
/** What a page of columns takes: fast, as other writers of Parquet have it. */
const level = 3;

/** To be awaited once before the others are called: on older versions of Node they are WebAssembly. */
export async function loadZstd(): Promise<void> {
  if (native.zstdDecompressSync !== undefined || wasm !== undefined) return;
  const loaded = await import('@bokuweb/zstd-wasm');
  await loaded.init();
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@bokuweb/zstd-wasm'));
  const { Module } = require(join(folder, 'module.js')) as { Module: ZstdModule };
  unpacker = new PageUnpacker(Module);
  wasm = loaded;
}

export function packZstd(input: Uint8Array): Uint8Array {
  return native.zstdCompressSync?.(input) ?? wasm!.compress(input as Buffer, level);
}

/**
 * Never more than `size` bytes, which last until the next call: what a frame's header claims is compared with it first.
 */
export function unpackZstd(input: Uint8Array, size: number): Uint8Array {
  if (native.zstdDecompressSync !== undefined) {
    return native.zstdDecompressSync(input, { maxOutputLength: size });
  }
  const claimed = zstdContentSize(input);
  if (claimed !== null && claimed !== size) {
    throw new RangeError(`a page of ${claimed} bytes claims ${size}`);
  }
  if (claimed === null && zstdWindow(input) > maxZstdWindow) {
    throw new RangeError(`zstd data asks for a window of ${zstdWindow(input)} bytes`);
  }
  if (input.length + size > limits.unpackKeptBytes)
    return wasm!.decompress(input as Buffer, { defaultHeapSize: size });
  return unpacker!.unpack(input, size);
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
