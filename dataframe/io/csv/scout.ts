import { selectRows } from '../../codegen/evaluate.js';
import type { Schema } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import { columnsOf } from '../../expr/traverse.js';
import { condition, scopeOf } from '../../expr/typing.js';
import { Lent } from '../../kernels/lent.js';
import { textRows } from './constants.js';
import type { Dialect } from './dialect.js';
import { recordLoop } from './loop.js';
import { type ColumnStore, createStore } from './stores.js';

/** Share of the rows up to which it pays to read the other columns of those alone. */
const pickedShare = 1 / 8;

/** The first records of a window that a scout has looked at. */
export interface Scouted {
  readonly rows: number;
  /** Lines between them that are no records. */
  readonly skipped: number;
  /** Where the records begin, and where the one after the last does. */
  readonly starts: Int32Array;
  /** Rows that pass; null: all have to be read. */
  readonly picked: Int32Array | null;
}

/** Reads what a filter looks at, so that of the rows it drops nothing else is. The filter itself still runs. */
export class Scout {
  /** Most rows do not pass: it is worth it. */
  useful = true;
  readonly #fields: number;
  readonly #schema: Schema;
  readonly #predicate: ExprNode;
  readonly #dialect: Dialect;
  readonly #stores: readonly ColumnStore[];
  readonly #counts = new Int32Array(2);
  readonly #starts = new Int32Array(textRows + 1);

  private constructor(file: Schema, schema: Schema, predicate: ExprNode, dialect: Dialect) {
    this.#fields = file.length;
    this.#schema = schema;
    this.#predicate = condition(predicate, scopeOf(schema, 'filter'), 'filter');
    this.#dialect = dialect;
    const lent = new Lent();
    this.#stores = schema.map(field => createStore(field, file.indexOf(field), dialect, lent));
  }

  /** null: there is nothing to gain, or bad values of any row are to be counted. */
  static of(file: Schema, schema: Schema, predicate: ExprNode | null, dialect: Dialect): Scout | null {
    if (predicate === null || dialect.ignoreErrors) return null;
    const names = new Set<string>();
    columnsOf(predicate, names);
    const looked = schema.filter(field => names.has(field.name));
    if (looked.length < names.size || looked.length === schema.length) return null;
    return new Scout(file, looked, predicate, dialect);
  }

  /** The records of bytes[from, end), some thousand of them, up to one that the loop leaves. */
  look(bytes: Uint8Array, from: number, end: number): Scouted {
    for (const store of this.#stores) store.reserve(0, textRows, end - from);
    const counts = this.#counts;
    counts[0] = 0;
    const starts = this.#starts;
    const loop = recordLoop(this.#fields, this.#stores, this.#dialect, counts, starts);
    const stop = loop(bytes, from, end, textRows);
    const rows = counts[0]!;
    for (const store of this.#stores) store.settle(0, rows);
    starts[rows] = stop;
    return { rows, skipped: counts[1]!, starts, picked: this.#pick(rows) };
  }

  #pick(rows: number): Int32Array | null {
    const columns = this.#stores.map(store => store.finish(rows));
    if (rows === 0) return null;
    try {
      const { at, rows: count } = selectRows(this.#predicate, { schema: this.#schema, rows, columns });
      this.useful = count <= rows * pickedShare;
      return this.useful ? at.subarray(0, count) : null;
    } catch {
      // The filter will raise it, and tells the row.
      this.useful = false;
      return null;
    }
  }
}
