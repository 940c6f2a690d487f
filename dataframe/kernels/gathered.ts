import type { Batch, Column } from '../column/column.js';
import type { Schema } from '../column/datatype.js';
import { gatherPacked } from './packed.js';
import { takeColumn, takeOptional } from './take.js';

/** Where the values of one column come from. */
export interface Piece {
  readonly column: Column;
  /** Rows of `column`, in output order; null: all of them, as they are. */
  readonly at: Int32Array | null;
  /** True when `at` may hold -1: no row, which gives null. */
  readonly gaps: boolean;
}

/**
 * Rows that are chosen but not gathered yet: whoever looks at the columns has them gathered into memory of their own,
 * and the last operator's go straight into the slab of the result, once their number is known.
 */
export class GatheredBatch implements Batch {
  readonly schema: Schema;
  readonly rows: number;
  readonly pieces: readonly Piece[];
  /** Gathered when first looked at. An own property, so that it survives spreading. */
  declare readonly columns: readonly Column[];

  constructor(schema: Schema, rows: number, pieces: readonly Piece[]) {
    this.schema = schema;
    this.rows = rows;
    this.pieces = pieces;
    let columns: readonly Column[] | null = null;
    Object.defineProperty(this, 'columns', {
      enumerable: true,
      get() {
        columns ??= gatherPacked(pieces, rows, null).map(piece => gather(piece, rows));
        return columns;
      },
    });
  }

  /** These columns only, in the schema's order. */
  only(names: ReadonlySet<string>): Batch {
    const kept = this.schema.flatMap((field, c) => (names.has(field.name) ? [c] : []));
    return this.pick(
      kept,
      kept.map(c => this.schema[c]!),
    );
  }

  /** The columns at these positions, under the names of `schema`. */
  pick(positions: readonly number[], schema: Schema): GatheredBatch {
    return new GatheredBatch(
      schema,
      this.rows,
      positions.map(c => this.pieces[c]!),
    );
  }
}

function gather({ column, at, gaps }: Piece, rows: number): Column {
  if (at === null) return column;
  return gaps ? takeOptional(column, at, rows) : takeColumn(column, at, rows);
}
