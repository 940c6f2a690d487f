import { badData } from '../errors.js';
import type { SourceHandle, Split } from '../source.js';
import type { ByteSource } from './window.js';

/** The bytes of a split. */
export function splitSource(handle: SourceHandle, { path, start, end }: Split): ByteSource {
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
  };
}
