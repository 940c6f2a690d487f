import { createGzip } from 'node:zlib';
import type { Packing } from '../source.js';
import { loadZstd, packZstd } from '../zstd/zstd.js';

/** What the names of compressed files of text end in. */
export const packedExtensions: Readonly<Record<Packing, string>> = { gzip: '.gz', zstd: '.zst' };

/** How the name of a file says it is compressed. */
export function packingNamed(path: string): Packing | null {
  if (path.endsWith(packedExtensions.gzip)) return 'gzip';
  return path.endsWith(packedExtensions.zstd) ? 'zstd' : null;
}

/** Compresses a file piece by piece. */
export interface Packer {
  /** @returns what can be written so far */
  pack(bytes: Uint8Array): Promise<Uint8Array>;
  /** @returns the rest */
  end(): Promise<Uint8Array>;
}

/** Of gzip one member, of zstd a frame a piece: readers of either take them one after another. */
export async function packerOf(packing: Packing | null): Promise<Packer> {
  switch (packing) {
    case 'gzip':
      return gzipPacker();
    case 'zstd':
      await loadZstd();
      return { pack: async bytes => packZstd(bytes), end: async () => new Uint8Array(0) };
    case null:
      return { pack: async bytes => bytes, end: async () => new Uint8Array(0) };
  }
}

function gzipPacker(): Packer {
  const stream = createGzip();
  let packed: Buffer[] = [];
  stream.on('data', piece => packed.push(piece));
  const take = () => {
    const bytes = Buffer.concat(packed);
    packed = [];
    return bytes;
  };
  return {
    pack: bytes =>
      new Promise((resolve, reject) => {
        stream.write(bytes, error => (error ? reject(error) : resolve(take())));
      }),
    end: () =>
      new Promise((resolve, reject) => {
        stream.once('error', reject);
        stream.once('end', () => resolve(take()));
        stream.end();
      }),
  };
}
