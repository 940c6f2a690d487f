import { VolleyError } from '../../core/base/errors.js';
import type { PartitionHeader } from '../../core/graph/partition.js';
import type { Batch } from '../column/column.js';
import { aligned, type BufferRange, type PartitionMeta, sizeOfBatch, writeBatch } from '../column/slab.js';
import { packMeta, unpackMeta } from '../column/slab-meta.js';
import type { KeyShape } from '../kernels/join-key.js';
import type { JoinTable } from '../kernels/join-table.js';
import type { FragmentInput } from './task.js';

/** Beside the layout of the key columns: where the table lies that was built over them. */
interface TableMeta extends PartitionMeta {
  readonly join: Pick<JoinTable, 'tier' | 'unique' | 'shapes' | 'buildRows'> & {
    readonly heads: BufferRange;
    readonly starts: BufferRange;
    readonly rows: BufferRange;
  };
}

/**
 * What a slab with a table takes, and how it is written: the columns first, as any partition has them. They are compact
 * already: the table holds their codes.
 */
export function tableWriter(columns: Batch, table: JoinTable) {
  const columnBytes = sizeOfBatch(columns);
  const buffers = [table.heads, table.starts, table.rows];
  const byteLength = buffers.reduce((sum, words) => sum + aligned(words.byteLength), columnBytes);
  return {
    byteLength,
    write(slab: Uint8Array): PartitionHeader {
      const header = writeBatch(columns, slab.subarray(0, columnBytes));
      let at = columnBytes;
      const [heads, starts, rows] = buffers.map((words): BufferRange => {
        const range: BufferRange = [at, words.byteLength];
        slab.set(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), at);
        at += aligned(words.byteLength);
        slab.fill(0, range[0] + range[1], at);
        return range;
      }) as [BufferRange, BufferRange, BufferRange];
      const { tier, unique, shapes, buildRows } = table;
      const meta: TableMeta = {
        ...unpackMeta<PartitionMeta>(header.meta),
        join: { tier, unique, shapes, buildRows, heads, starts, rows },
      };
      return { ...header, byteLength, meta: packMeta(meta) };
    },
  };
}

/** The table of a slab that tableWriter wrote, without copying. `keys`: how many columns it is over. */
export function readTable({ header, bytes }: FragmentInput, keys: number): JoinTable {
  const { join } = unpackMeta<Partial<TableMeta>>(header.meta);
  if (typeof join !== 'object' || !Array.isArray(join.shapes) || join.shapes.length !== keys)
    throw corrupt('no table');
  const { tier, unique, shapes, buildRows } = join;
  if ((tier !== 'dense' && tier !== 'hash') || typeof unique !== 'boolean' || !shapes.every(isShape)) {
    throw corrupt('shape');
  }
  const view = ([offset, size]: BufferRange): Int32Array => {
    const inside = Number.isInteger(offset) && Number.isInteger(size) && offset >= 0 && size >= 0;
    if (!inside || offset % 4 !== 0 || size % 4 !== 0 || offset + size > bytes.byteLength)
      throw corrupt('range');
    return new Int32Array(bytes.buffer, bytes.byteOffset + offset, size / 4);
  };
  const table = {
    tier,
    unique,
    shapes,
    buildRows,
    heads: view(join.heads),
    starts: view(join.starts),
    rows: view(join.rows),
  };
  checkTable(table, header.rows);
  return table;
}

const isShape = ({ base, size, stride, narrow }: KeyShape) =>
  [base, size, stride].every(Number.isSafeInteger) && typeof narrow === 'boolean';

/** Sizes that fit one another and rows that are there: probing relies on no more. */
function checkTable(
  { tier, unique, shapes, buildRows, heads, starts, rows }: JoinTable,
  known: number,
): void {
  if (buildRows !== known) throw corrupt(`${buildRows} rows in the table, ${known} in the header`);
  const cells = shapes.reduce((product, shape) => product * shape.size, 1);
  const groups = tier === 'dense' ? cells : buildRows;
  if (tier === 'dense' && unique && heads.length !== cells) throw corrupt('cells');
  if (!unique && starts.length !== groups + 1) throw corrupt('groups');
  let bad = 0;
  if (tier === 'dense' && unique) for (let i = 0; i < heads.length; i++) bad |= heads[i]! < buildRows ? 0 : 1;
  for (let i = 0; i < rows.length; i++) bad |= rows[i]! >>> 0 < buildRows ? 0 : 1;
  for (let i = 0; i + 1 < starts.length; i++) bad |= starts[i]! <= starts[i + 1]! ? 0 : 1;
  if (starts.length > 0 && starts[starts.length - 1] !== rows.length) bad = 1;
  if (bad !== 0) throw corrupt('a row beyond the build side');
}

function corrupt(detail: string): VolleyError {
  return new VolleyError('CORRUPT_PARTITION', `a join table is not what its header says: ${detail}`, {
    detail,
  });
}
