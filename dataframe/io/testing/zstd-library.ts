import { createRequire } from 'node:module';

interface Exports {
  readonly HEAPU8: Uint8Array;
  _malloc(size: number): number;
  _free(address: number): void;
  _compress(to: number, capacity: number, from: number, length: number, level: number): number;
  _decompress(to: number, capacity: number, from: number, length: number): number;
}

/** Packs or unpacks to at most `capacity` bytes. Null: it refuses. */
export type ZstdLibrary = (
  name: '_compress' | '_decompress',
  bytes: Uint8Array,
  capacity: number,
  level?: number,
) => Uint8Array | null;

/** The library, which packs at any level, and is the oracle. */
export async function zstdLibrary(): Promise<ZstdLibrary> {
  const require = createRequire(import.meta.url);
  const create = require('@foxglove/wasm-zstd/dist/wasm-zstd.js') as () => Promise<Exports>;
  const library = await create();
  return (name, bytes, capacity, level = 0) => {
    const place = library._malloc(capacity + bytes.length + 64);
    library.HEAPU8.set(bytes, place + capacity);
    const length = library[name](place, capacity, place + capacity, bytes.length, level);
    const out = length < 0 ? null : library.HEAPU8.slice(place, place + length);
    library._free(place);
    return out;
  };
}
