import { type Selection, selectRows } from '../../codegen/evaluate.js';
import type { Batch, Column } from '../../column/column.js';
import type { Field, Schema } from '../../column/datatype.js';
import type { ExprNode } from '../../expr/node.js';
import { columnsOf } from '../../expr/traverse.js';
import { condition, scopeOf } from '../../expr/typing.js';
import type { Lent } from '../../kernels/lent.js';
import { fewBytes } from '../../kernels/scratch.js';
import { takeColumn } from '../../kernels/take.js';
import type { Chosen, Passing } from './choose.js';

/** Share of the rows up to which it pays to pick those of the other columns. */
const pickedShare = 1 / 8;

/** Decodes column c of the schema: all rows, or those picked. */
type Decode = (c: number, picked: Int32Array | null) => Column;

/** Rows for which a condition on column c alone is true, at most `most`, found without decoding it; null: it cannot. */
type Choose = (c: number, most: number, passing: Passing) => Chosen | null;

/**
 * The columns of a batch: first those the predicate looks at, and of the others only the rows for which it is true, when
 * these are few. With few rows `live`, which page indexes have left, only these are decoded. The filter itself still runs, so whatever is not sure here is left to it.
 */
export function decodeLate(
  schema: Schema,
  rows: number,
  predicate: ExprNode | null,
  decode: Decode,
  choose: Choose,
  lent: Lent,
  live: Int32Array | null,
): Batch {
  if (live !== null && live.length <= rows * pickedShare) {
    return { schema, rows: live.length, columns: schema.map((_, c) => decode(c, live)) };
  }
  const names = new Set<string>();
  if (predicate !== null) columnsOf(predicate, names);
  const first = schema.flatMap((field, c) => (names.has(field.name) ? [c] : []));
  const all = () => ({ schema, rows, columns: schema.map((_, c) => decode(c, null)) });
  if (predicate === null || first.length < names.size || first.length === schema.length) return all();
  const [only] = first;
  if (first.length === 1) {
    const chosen = choose(only!, Math.floor(rows * pickedShare), passingOf(predicate, schema[only!]!));
    if (chosen !== null) {
      const columns = schema.map((_, c) => (c === only ? chosen.column : decode(c, chosen.rows)));
      return { schema, rows: chosen.rows.length, columns };
    }
  }
  const looked = first.map(c => decode(c, null));
  const chosen = selected(predicate, { schema: first.map(c => schema[c]!), rows, columns: looked });
  const few = chosen !== null && chosen.rows <= rows * pickedShare ? chosen : null;
  const picked = few === null ? null : lentRows(few, lent);
  const columns = schema.map((_, c) => {
    const known = looked[first.indexOf(c)];
    if (known === undefined) return decode(c, picked);
    return picked === null ? known : takeColumn(known, picked, picked.length, lent);
  });
  return { schema, rows: few?.rows ?? rows, columns };
}

/** The condition, asked of values of the column that it looks at. */
function passingOf(predicate: ExprNode, field: Field): Passing {
  return entries => {
    const batch = { schema: [field], rows: entries.length, columns: [entries] };
    const passing = selected(predicate, batch);
    if (passing === null || passing.rows === entries.length) return null;
    const out = new Uint8Array(entries.length);
    for (const entry of passing.at.subarray(0, passing.rows)) out[entry] = 1;
    return out;
  };
}

/** Where kernels find them, however few they are. */
function lentRows({ at, rows }: Selection, lent: Lent): Int32Array {
  const { buffer, byteOffset } = lent.bytes(Math.max(fewBytes, 4 * rows));
  const copy = new Int32Array(buffer, byteOffset, rows);
  copy.set(at.subarray(0, rows));
  return copy;
}

/** Null when the predicate raises: the filter will, and tells the row. */
function selected(predicate: ExprNode, batch: Batch): Selection | null {
  try {
    return selectRows(condition(predicate, scopeOf(batch.schema, 'filter'), 'filter'), batch);
  } catch {
    return null;
  }
}
