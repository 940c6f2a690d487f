import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { limits } from '../../../core/base/limits.js';
import { badData } from '../errors.js';
import { readRange } from '../paths.js';
import type { ByteSource, Packing, SourceHandle } from '../source.js';

const packedBytes = 64 * 1024;
/** The smallest block of zstd, four bytes, unpacks to 128 KiB: so little is handed over at a time. */
const zstdPieceBytes = 4 * 1024;

/** How a file is compressed, by its first bytes: no text that is UTF-8 begins so. */
export async function packingOf(handle: SourceHandle): Promise<Packing | null> {
  const magic = await readRange(handle, 0, 4);
  if (magic.length >= 2 && magic.readUInt16BE(0) === 0x1f8b) return 'gzip';
  return magic.length === 4 && magic.readUInt32BE(0) === 0x28b52ffd ? 'zstd' : null;
}

/** The unpacked bytes of a file, from the beginning. */
export class UnpackedSource implements ByteSource {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #path: string;
  readonly #budget: number;
  #piece: Uint8Array = new Uint8Array(0);
  #unpacked = 0;

  /** @param budget Bytes that a file may unpack to. */
  constructor(
    handle: SourceHandle,
    packing: Packing,
    path: string,
    budget: number = limits.unpackedFileBytes,
  ) {
    const packed = packedPieces(handle);
    const pieces = packing === 'gzip' ? streamed(packed, zlib.createGunzip()) : unzstd(packed);
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#path = path;
    this.#budget = budget;
  }

  /** @throws BAD_DATA */
  async read(target: Uint8Array, offset: number, length: number): Promise<number> {
    while (this.#piece.length === 0) {
      const { done, value } = await this.#next();
      if (done === true) return 0;
      this.#piece = value;
      this.#unpacked += value.length;
      if (this.#unpacked > this.#budget) {
        throw badData(
          { file: this.#path },
          `unpacks to more than ${this.#budget} bytes`,
          'Unpack it, or split it',
        );
      }
    }
    const part = this.#piece.subarray(0, length);
    target.set(part, offset);
    this.#piece = this.#piece.subarray(part.length);
    return part.length;
  }

  /** Consumes so many bytes, or fewer where there are no more. */
  async skip(bytes: number): Promise<void> {
    const buffer = new Uint8Array(Math.min(bytes, packedBytes));
    for (let left = bytes; left > 0; ) {
      const read = await this.read(buffer, 0, Math.min(left, buffer.length));
      if (read === 0) return;
      left -= read;
    }
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#pieces.next();
    } catch (error) {
      throw badData({ file: this.#path }, `cannot be unpacked: ${(error as Error).message}`, '', error);
    }
  }
}

/** The first `length` bytes of what a file unpacks to, or all where there are fewer. */
export async function readUnpacked(
  handle: SourceHandle,
  packing: Packing,
  path: string,
  length: number,
): Promise<Buffer> {
  const source = new UnpackedSource(handle, packing, path);
  try {
    const bytes = Buffer.alloc(length);
    let filled = 0;
    for (let read = -1; read !== 0 && filled < length; filled += read) {
      read = await source.read(bytes, filled, length - filled);
    }
    return bytes.subarray(0, filled);
  } finally {
    await source.close();
  }
}

async function* packedPieces(handle: SourceHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const piece = await readRange(handle, position, packedBytes);
    if (piece.length === 0) return;
    position += piece.length;
    yield piece;
  }
}

function streamed(
  packed: AsyncGenerator<Uint8Array>,
  unpacker: NodeJS.ReadWriteStream,
): AsyncIterable<Uint8Array> {
  const source = Readable.from(packed, { objectMode: false });
  const stream = unpacker as zlib.Gunzip;
  source.once('error', error => stream.destroy(error));
  stream.once('close', () => source.destroy());
  source.pipe(stream);
  return stream;
}

/** Not by zlib, where that has zstd (Node 22.15): it takes what follows the first frame in a piece for rubbish and drops it. */
async function* unzstd(packed: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import('fzstd');
  let unpacked: Uint8Array[] = [];
  const stream = new Decompress(piece => unpacked.push(piece));
  for await (const bytes of packed) {
    for (let from = 0; from < bytes.length; from += zstdPieceBytes) {
      stream.push(bytes.subarray(from, from + zstdPieceBytes));
      yield* unpacked;
      unpacked = [];
    }
  }
  stream.push(new Uint8Array(0), true);
  yield* unpacked;
}
