import { RunningChecksum } from '../base/checksum.js';
import { limits } from '../base/limits.js';
import { noChecksum, type PartitionHeader } from '../graph/partition.js';

/**
 * The header with a checksum: what is made and read within one process needs none, so it is made when the bytes leave
 * for the first time. Large partitions are read in turns of the event loop; `bytes` must stay as they are meanwhile.
 */
export async function sealed(header: PartitionHeader, bytes: Uint8Array): Promise<PartitionHeader> {
  if (header.checksum !== noChecksum) return header;
  const sum = new RunningChecksum(bytes.subarray(0, header.byteLength));
  for (let at = 0; at < header.byteLength; ) {
    const end = Math.min(at + limits.memoryCopyBytes, header.byteLength);
    sum.advance(end);
    at = end;
    if (at < header.byteLength) await new Promise(resolve => setImmediate(resolve));
  }
  return { ...header, checksum: sum.value };
}
