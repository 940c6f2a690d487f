/** Of a vector: a store writes no more. */
export const chunkBytes = 16;

/** The value of a column in a record. */
export interface Field {
  readonly column: number;
  /** 1, 2, 4 or 8. */
  readonly bytes: number;
  /** Bytes of its chunk before it; a multiple of its own. */
  readonly at: number;
}

/** Values that one store writes. */
export interface Chunk {
  readonly fields: readonly Field[];
  /** Bytes of the record before it. */
  readonly at: number;
  /** A power of two. The last one may reach over the next record, which is written later. */
  readonly bytes: number;
}

/** The values of a row side by side. */
export interface RowRecord {
  readonly chunks: readonly Chunk[];
  readonly bytes: number;
}

/** As few chunks as there can be: from the largest values to the smallest, each fits wholly or begins another one. */
export function recordOf(sizes: readonly number[]): RowRecord {
  const columns = sizes.map((_, c) => c).sort((a, b) => sizes[b]! - sizes[a]!);
  const chunks: Field[][] = [];
  let end = 0;
  for (const column of columns) {
    const bytes = sizes[column]!;
    const at = end % chunkBytes;
    if (at === 0) chunks.push([]);
    chunks.at(-1)!.push({ column, bytes, at });
    end += bytes;
  }
  const last = roundedUp(end - (chunks.length - 1) * chunkBytes);
  return {
    chunks: chunks.map((fields, k) => ({
      fields,
      at: k * chunkBytes,
      bytes: k < chunks.length - 1 ? chunkBytes : last,
    })),
    // Records of one chunk lie without a gap in vectors.
    bytes: chunks.length === 1 ? last : end,
  };
}

function roundedUp(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(bytes));
}
