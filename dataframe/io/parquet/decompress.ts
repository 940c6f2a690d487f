import * as zlib from 'node:zlib';
import { snappyUncompressor } from 'hysnappy';
import type { CompressionCodec } from './metadata.js';
import { hardlyShrank, unpackSnappy } from './snappy.js';
import { loadZstd, unpackZstd } from './zstd.js';

let unsnappy: ReturnType<typeof snappyUncompressor> | undefined;

let lz4: typeof import('hyparquet-compressors') | undefined;

/** To be awaited before pages of this codec are unpacked: few files need it, and loading all takes longer than a query. */
export async function loadCodec(codec: CompressionCodec): Promise<void> {
  if (codec === 'ZSTD') await loadZstd();
  if (codec === 'LZ4' || codec === 'LZ4_RAW') lz4 ??= await import('hyparquet-compressors');
}

/**
 * Exactly `size` bytes. Never allocates more than that, whatever the input unpacks to; `room` gives memory for it.
 * Throws when it is not so.
 */
export function decompress(
  codec: CompressionCodec,
  input: Uint8Array,
  size: number,
  room: (bytes: number) => Uint8Array,
): Uint8Array {
  const page = decompressTo(codec, input, size, room);
  if (page.length !== size) {
    throw new RangeError(`a page of ${page.length} bytes claims ${size}`);
  }
  return page;
}

function decompressTo(
  codec: CompressionCodec,
  input: Uint8Array,
  size: number,
  room: (bytes: number) => Uint8Array,
): Uint8Array {
  // zlib takes no bound of 0, and an empty page needs no bytes at all.
  if (size === 0 || codec === 'UNCOMPRESSED') {
    return size === 0 ? new Uint8Array(0) : input;
  }
  const bound = { maxOutputLength: size };
  switch (codec) {
    case 'SNAPPY': {
      if (!hardlyShrank(input, size)) return snappyInWasm(input, size);
      const page = room(size);
      unpackSnappy(input, page, size);
      return page;
    }
    case 'GZIP':
      return zlib.gunzipSync(input, bound);
    case 'BROTLI':
      return zlib.brotliDecompressSync(input, bound);
    case 'ZSTD':
      return unpackZstd(input, size);
    case 'LZ4':
      return lz4!.decompressLz4(input, size);
    case 'LZ4_RAW':
      return lz4!.decompressLz4Raw(input, size);
    default:
      throw new RangeError(`compression ${codec} is not supported`);
  }
}

/** The decoder believes the size in its header, so that is looked at first. */
function snappyInWasm(input: Uint8Array, size: number): Uint8Array {
  let claimed = 0;
  for (let p = 0, shift = 0; p < input.length && shift <= 28; p++, shift += 7) {
    claimed += (input[p]! & 0x7f) * 2 ** shift;
    if (input[p]! < 0x80) break;
  }
  if (claimed !== size) throw new RangeError(`a page of ${claimed} bytes claims ${size}`);
  unsnappy ??= snappyUncompressor();
  return unsnappy(input, size);
}
