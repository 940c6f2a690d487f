import { crc32 } from 'node:zlib';
import { limits } from '../../../core/base/limits.js';
import type { Lent } from '../../kernels/lent.js';
import { fewBytes } from '../../kernels/scratch.js';
import { decompress } from './decompress.js';
import { type ColumnMetaData, type PageHeader, readPageHeader } from './metadata.js';

/** Headers of pages this thread has read, by the chunk in a footer that is remembered: every query over a file asks for the same. */
let known = new WeakMap<ColumnMetaData, ReadHeader[]>();
let knownHeaders = 0;

interface ReadHeader {
  readonly header: PageHeader;
  readonly bytes: number;
}

/** Walks the pages of a chunk inside of its bytes and the budget of decoded bytes. */
export class PageReader {
  #bytes: Uint8Array;
  #offset = 0;
  #chunk: ColumnMetaData;
  #room: (bytes: number) => Uint8Array;
  #budget = limits.parquetDecodedBytes;
  #page = 0;

  /** Pages are unpacked into what is lent. */
  constructor(bytes: Uint8Array, chunk: ColumnMetaData, lent: Lent) {
    this.#bytes = bytes;
    this.#chunk = chunk;
    let space: Uint8Array = new Uint8Array(0);
    // One page lasts until the next: what the processor just had in its caches is written again. Fewer bytes would lie on the heap.
    this.#room = size => {
      if (space.length < size) space = lent.bytes(Math.max(fewBytes, size));
      return space.subarray(0, size);
    };
  }

  next(): PageHeader {
    if (this.#offset >= this.#bytes.length) {
      throw new RangeError('its pages end before the last row');
    }
    const { header, bytes } = this.#header();
    this.#offset += bytes;
    const { compressed_page_size: stored, uncompressed_page_size: decoded } = header;
    if (!(stored >= 0) || !(decoded >= 0) || this.#offset + stored > this.#bytes.length) {
      throw new RangeError(
        `a page claims ${stored} bytes where ${this.#bytes.length - this.#offset} are left`,
      );
    }
    this.#budget -= decoded;
    if (this.#budget < 0) {
      throw new RangeError(`its pages exceed ${limits.parquetDecodedBytes} decoded bytes`);
    }
    return header;
  }

  #header(): ReadHeader {
    const place = this.#page++;
    const headers = known.get(this.#chunk);
    const there = headers?.[place];
    if (there !== undefined) return there;
    const { header, end } = readPageHeader(this.#bytes, this.#offset);
    const read = { header, bytes: end - this.#offset };
    if (knownHeaders === limits.parquetKnownHeaders) {
      known = new WeakMap();
      knownHeaders = 0;
    } else if (place === (headers?.length ?? 0)) {
      knownHeaders++;
      if (headers === undefined) known.set(this.#chunk, [read]);
      else headers.push(read);
    }
    return read;
  }

  skip(header: PageHeader): void {
    this.#offset += header.compressed_page_size;
  }

  /** At least its first `enough` bytes. */
  whole(header: PageHeader, enough = header.uncompressed_page_size): Uint8Array {
    return this.split(header, 0, true, enough).page;
  }

  /** All of it, unpacked to `place` if it is compressed so that this can be. */
  wholeAt(header: PageHeader, place: Uint8Array): Uint8Array {
    const room = this.#room;
    this.#room = bytes => (bytes <= place.length ? place.subarray(0, bytes) : room(bytes));
    try {
      return this.whole(header);
    } finally {
      this.#room = room;
    }
  }

  /** Whether pages are unpacked to where `place` says. */
  unpacksInto({ buffer }: ArrayBufferView): boolean {
    const { codec } = this.#chunk;
    return (codec === 'SNAPPY' || codec === 'ZSTD') && this.#bytes.buffer === buffer;
  }

  /** To the page that `whole` gave last. */
  back(header: PageHeader): void {
    this.#offset -= header.compressed_page_size;
  }

  /** The first `before` bytes as they are, the rest decompressed. */
  split(
    header: PageHeader,
    before: number,
    compressed: boolean,
    enough = header.uncompressed_page_size - before,
  ): { before: Uint8Array; page: Uint8Array } {
    const stored = this.#bytes.subarray(this.#offset, this.#offset + header.compressed_page_size);
    this.#offset += header.compressed_page_size;
    if (header.crc !== undefined && crc32(stored) !== header.crc >>> 0) {
      throw new RangeError('the checksum of a page is not that of its bytes: the file is damaged');
    }
    if (!(before >= 0) || before > stored.length) {
      throw new RangeError('a page ends before its levels');
    }
    const body = stored.subarray(before);
    const codec = compressed ? this.#chunk.codec : 'UNCOMPRESSED';
    return {
      before: stored.subarray(0, before),
      page: decompress(codec, body, header.uncompressed_page_size - before, this.#room, enough),
    };
  }
}
