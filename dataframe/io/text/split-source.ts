import { badData } from '../errors.js';
import type { ByteSource, SourceHandle, Split } from '../source.js';
import { UnpackedSource } from './unpack.js';

/** The bytes of a split; of a compressed file, those it unpacks to from `start` on. */
export async function splitSource(
  handle: SourceHandle,
  { path, start, end, packing }: Pick<Split, 'path' | 'start' | 'end' | 'packing'>,
): Promise<ByteSource> {
  if (packing !== undefined) {
    const source = new UnpackedSource(handle, packing, path);
    await source.skip(start);
    return source;
  }
  let position = start;
  return {
    async read(target, offset, length) {
      const wanted = Math.min(length, end - position);
      if (wanted === 0) return 0;
      const { bytesRead } = await handle.read(target, offset, wanted, position);
      if (bytesRead === 0) {
        throw badData({ file: path }, `ends at byte ${position}, planned to ${end}: the file changed`);
      }
      position += bytesRead;
      return bytesRead;
    },
    async close() {},
  };
}
