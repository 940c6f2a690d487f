import * as zlib from 'node:zlib';
import type { CompressionCodec } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** zlib's zstd exists from Node 22.15 on. */
const nodeZstd = (
  zlib as { zstdDecompressSync?: (input: Uint8Array, options: { maxOutputLength: number }) => Buffer }
).zstdDecompressSync;

/** Bytes. The window is allocated before anything is decoded; 128 MiB is what zstd's own tool accepts by default. */
const maxZstdWindow = 128 * 1024 * 1024;

/** Exactly `size` bytes. Never allocates more than that, whatever the input unpacks to. Throws when it is not so. */
export function decompress(codec: CompressionCodec, input: Uint8Array, size: number): Uint8Array {
  const page = decompressTo(codec, input, size);
  if (page.length !== size) {
    throw new RangeError(`a page of ${page.length} bytes claims ${size}`);
  }
  return page;
}

function decompressTo(codec: CompressionCodec, input: Uint8Array, size: number): Uint8Array {
  // zlib takes no bound of 0, and an empty page needs no bytes at all.
  if (size === 0 || codec === 'UNCOMPRESSED') {
    return size === 0 ? new Uint8Array(0) : input;
  }
  const bound = { maxOutputLength: size };
  switch (codec) {
    case 'GZIP':
      return zlib.gunzipSync(input, bound);
    case 'BROTLI':
      return zlib.brotliDecompressSync(input, bound);
    case 'ZSTD':
      return nodeZstd === undefined ? boundedZstd(input, size) : nodeZstd(input, bound);
    default: {
      const inflate = compressors[codec];
      if (inflate === undefined) {
        throw new RangeError(`compression ${codec} is not supported`);
      }
      return inflate(input, size);
    }
  }
}

/** The JavaScript decoder trusts the size in the frame's header: compare that with what the page claims first. */
function boundedZstd(input: Uint8Array, size: number): Uint8Array {
  const claimed = zstdContentSize(input);
  if (claimed !== null && claimed !== size) {
    throw new RangeError(`a page of ${claimed} bytes claims ${size}`);
  }
  if (claimed === null && zstdWindow(input) > maxZstdWindow) {
    throw new RangeError(`zstd data asks for a window of ${zstdWindow(input)} bytes`);
  }
  const page = compressors.ZSTD?.(input, size);
  if (page === undefined) {
    throw new RangeError('compression ZSTD is not supported');
  }
  return page;
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
