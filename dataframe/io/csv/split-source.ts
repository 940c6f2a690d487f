import { badData } from '../errors.js';
import type { SourceHandle, Split } from '../source.js';
import { UnpackedSource } from './unpack.js';
import type { ByteSource } from './window.js';

/** The bytes of a split. `close` is called when no more are wanted. */
export async function splitSource(
  handle: SourceHandle,
  split: Split,
): Promise<ByteSource & { close(): Promise<void> }> {
  const { path, start, end, packing } = split;
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
