import { limits } from '../../../core/base/limits.js';
import type { Schema } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import type { Lent } from '../../kernels/lent.js';
import { type Bound, mayMatch } from '../prune.js';
import type { ColumnStatistics, OpenSource } from '../source.js';
import { BloomBlocks, blockBytes } from './bloom-blocks.js';
import type { ParquetType } from './metadata.js';
import type { IndexedChunk } from './page-index.js';
import { readRanges } from './ranges.js';
import { chunkStatistics } from './statistics.js';
import { type StructForm, ThriftReader } from './thrift-read.js';

const none: StructForm = {};
const only = { struct: { 1: ['there', { struct: none }] } as StructForm };
const headerForm: StructForm = {
  1: ['bytes!', 'i32'],
  2: ['algorithm!', only],
  3: ['hash!', only],
  4: ['compression!', only],
};

/** A filter of a file. Null for one of another kind, or that does not parse: it is only a hint. */
function blocksOf(bytes: Uint8Array): BloomBlocks | null {
  try {
    const reader = new ThriftReader(bytes, 0);
    const header = reader.struct(headerForm) as Record<string, unknown> & { bytes: number };
    const known = [header.algorithm, header.hash, header.compression].every(
      union => (union as { there?: unknown }).there !== undefined,
    );
    const size = header.bytes;
    if (!known || size < blockBytes || size % blockBytes !== 0) return null;
    if (reader.position + size > bytes.length) return null;
    return new BloomBlocks(bytes.subarray(reader.position, reader.position + size));
  } catch {
    return null;
  }
}

/** The PLAIN bytes of a value; null where more than one form of it may be stored. */
function storedBytes(value: Bound, type: ParquetType): Uint8Array | null {
  if (type === 'BYTE_ARRAY') return typeof value === 'string' ? Buffer.from(value) : null;
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  const whole = typeof value === 'bigint' || Number.isSafeInteger(value);
  const out = Buffer.alloc(type === 'INT32' || type === 'FLOAT' ? 4 : 8);
  if (type === 'INT32' && whole && BigInt.asIntN(32, BigInt(value)) === BigInt(value))
    out.writeInt32LE(Number(value));
  else if (type === 'INT64' && whole && BigInt.asIntN(64, BigInt(value)) === BigInt(value))
    out.writeBigInt64LE(BigInt(value));
  // Zero has two signs.
  else if (type === 'DOUBLE' && typeof value === 'number' && value !== 0) out.writeDoubleLE(value);
  else return null;
  return out;
}

/** Kinds whose literals are what the file stores. */
const looked = new Set(['utf8', 'int8', 'int16', 'int32', 'int64', 'float64']);

/**
 * For each row group whether the predicate may be true in it, by the Bloom filters of the columns it looks at. Reads those
 * whose size the file tells.
 */
export async function mayHoldRows(
  { handle, size }: OpenSource,
  groups: readonly (readonly IndexedChunk[])[],
  schema: Schema,
  predicate: ExprNode,
  lent: Lent,
): Promise<boolean[]> {
  const filtered = groups.flat().filter(({ column, chunk }) => {
    const length = chunk.meta_data?.bloom_filter_length ?? 0;
    const start = chunk.meta_data?.bloom_filter_offset ?? -1;
    const there = start >= 0 && length > 0 && start + length <= size;
    return there && looked.has(column.type.kind);
  });
  const ranges = filtered.map(({ chunk }) => ({
    start: chunk.meta_data!.bloom_filter_offset ?? 0,
    length: chunk.meta_data!.bloom_filter_length!,
  }));
  const total = ranges.reduce((sum, { length }) => sum + length, 0);
  if (total === 0 || total > limits.parquetFooterBytes) return groups.map(() => true);
  const bytes = await readRanges(handle, ranges, lent);
  return groups.map(chunks => {
    const known: Record<string, ColumnStatistics & { lacks?: (value: Bound) => boolean }> =
      Object.create(null);
    for (const { column, chunk } of chunks) {
      const at = filtered.findIndex(each => each.chunk === chunk);
      const blocks = at < 0 ? null : blocksOf(bytes[at]!);
      const { type } = chunk.meta_data!;
      const lacks = (value: Bound) => {
        const stored = blocks === null ? null : storedBytes(value, type);
        return stored !== null && !blocks!.mayHold(stored);
      };
      known[column.name] = { ...chunkStatistics(chunk.meta_data!, column), lacks };
    }
    return mayMatch(predicate, schema, known, chunks[0]?.rows ?? 0);
  });
}
