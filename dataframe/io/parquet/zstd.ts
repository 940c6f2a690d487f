import * as zlib from 'node:zlib';

/** zlib's zstd exists from Node 22.15 on. */
const native = zlib as {
  zstdCompressSync?: (input: Uint8Array) => Uint8Array;
  zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
};
let wasm: typeof import('@bokuweb/zstd-wasm') | undefined;

/** Bytes. The window is allocated before anything is decoded; 128 MiB is what zstd's own tool accepts by default. */
const maxZstdWindow = 128 * 1024 * 1024;
/** What a page of columns takes: fast, as other writers of Parquet have it. */
const level = 3;

/** To be awaited once before the others are called: on older versions of Node they are WebAssembly. */
export async function loadZstd(): Promise<void> {
  if (native.zstdDecompressSync !== undefined || wasm !== undefined) return;
  const loaded = await import('@bokuweb/zstd-wasm');
  await loaded.init();
  wasm = loaded;
}

export function packZstd(input: Uint8Array): Uint8Array {
  return native.zstdCompressSync?.(input) ?? wasm!.compress(input as Buffer, level);
}

/** Never more than `size` bytes: what a frame's header claims is compared with it first. */
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
  return wasm!.decompress(input as Buffer, { defaultHeapSize: size });
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
