import * as zlib from 'node:zlib';
import { loadUnpackZstd, unpackZstd } from '../zstd/zstd.js';
import type { CompressionCodec } from './metadata.js';
import { unpackSnappy } from './snappy.js';

let lz4: typeof import('hyparquet-compressors') | undefined;

/** To be awaited before pages of this codec are unpacked: few files need it, and loading all takes longer than a query. */
export async function loadCodec(codec: CompressionCodec): Promise<void> {
  if (codec === 'ZSTD') await loadUnpackZstd();
  if (codec === 'LZ4' || codec === 'LZ4_RAW') lz4 ??= await import('hyparquet-compressors');
}

/**
 * Exactly `size` bytes, which last until the next call: they may lie in memory that every call uses. Never takes more than
 * that, whatever the input unpacks to; `room` gives memory for it. Throws when it is not so.
 * Of some codecs only the first `enough` bytes, where no more are wanted.
 */
export function decompress(
  codec: CompressionCodec,
  input: Uint8Array,
  size: number,
  room: (bytes: number) => Uint8Array,
  enough = size,
): Uint8Array {
  const page = decompressTo(codec, input, size, room, enough);
  if (page.length !== size && page.length !== enough) {
    throw new RangeError(`a page of ${page.length} bytes claims ${size}`);
  }
  return page;
}

function decompressTo(
  codec: CompressionCodec,
  input: Uint8Array,
  size: number,
  room: (bytes: number) => Uint8Array,
  enough: number,
): Uint8Array {
  // zlib takes no bound of 0, and an empty page needs no bytes at all.
  if (size === 0 || codec === 'UNCOMPRESSED') {
    return size === 0 ? new Uint8Array(0) : input;
  }
  const bound = { maxOutputLength: size };
  switch (codec) {
    case 'SNAPPY':
      return unpackSnappy(input, size, room, enough);
    case 'GZIP':
      return zlib.gunzipSync(input, bound);
    case 'BROTLI':
      return zlib.brotliDecompressSync(input, bound);
    case 'ZSTD':
      return unpackZstd(input, size, enough, room);
    case 'LZ4':
      return lz4!.decompressLz4(input, size);
    case 'LZ4_RAW':
      return lz4!.decompressLz4Raw(input, size);
    default:
      throw new RangeError(`compression ${codec} is not supported`);
  }
}
