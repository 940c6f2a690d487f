import type { Batch, Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { codedDecimal } from '../column/decimal-builder.js';
import { isHuge } from '../column/layout.js';
import { StringTable } from '../column/string-table.js';
import { GroupTable } from './group.js';

/**
 * The batch with text whose codes may be compared: equal strings have equal codes. Huge decimals stay as they are: most
 * operators only read them, and those that tell them apart take comparableColumn.
 */
export function distinctText(batch: Batch): Batch {
  const looked = (column: Column) => repeats(column) && !isHuge(column.type);
  if (!batch.columns.some(looked)) return batch;
  const columns = batch.columns.map(column => (looked(column) ? distinctColumn(column) : column));
  return { schema: batch.schema, rows: batch.rows, columns };
}

/**
 * The column as it can be told apart from, and put in order with, all others of its type: distinct entries, and huge
 * decimals as codes even where they would fit a number. Of lists, the items.
 */
export function comparableColumn(column: Column): Column {
  if (column.items !== undefined) {
    const items = comparableColumn(column.items);
    return items === column.items ? column : { ...column, items };
  }
  if (isHuge(column.type) && column.physical === 'f64') return distinctNumbers(column);
  return repeats(column) ? distinctColumn(column) : column;
}

/** Huge decimals that are safe integers: told apart as those, which costs a tenth of interning sixteen bytes a row. */
function distinctNumbers(column: Column): Column {
  const { type, length, validity, nullCount } = column;
  const table = new GroupTable([DataType.Int64]);
  // Null slots hold 0, and are that: as a group of their own they would be a second entry for it.
  const numbers = { ...column, type: DataType.Int64, validity: null, nullCount: 0 };
  const values = table.assign([numbers], length);
  if (validity !== null) {
    for (let i = 0; i < length; i++) if (((validity[i >> 3]! >> (i & 7)) & 1) === 0) values[i] = 0;
  }
  const found = { ...table.keyColumns()[0]!, type };
  const { length: entries, offsets, bytes } = codedDecimal(found).dictionary!;
  const dictionary = { length: entries, offsets, bytes };
  return { type, physical: 'code', length, validity, nullCount, values, dictionary };
}

const repeats = ({ dictionary }: Column) => dictionary?.repeats === true;

/** The column over a dictionary of distinct entries, those it refers to. */
export function distinctColumn(column: Column): Column {
  const { offsets, bytes, length } = column.dictionary!;
  const codes = column.values as Int32Array;
  const { validity } = column;
  const table = new StringTable(Math.min(length, column.length));
  const map = new Int32Array(length).fill(-1);
  const values = new Int32Array(column.length);
  for (let i = 0; i < values.length; i++) {
    if (validity !== null && ((validity[i >> 3]! >> (i & 7)) & 1) === 0) continue;
    const code = codes[i]!;
    let known = map[code]!;
    if (known < 0) {
      known = table.intern(bytes, offsets[code]!, offsets[code + 1]!);
      map[code] = known;
    }
    values[i] = known;
  }
  return { ...column, values, dictionary: table.toDictionary() };
}
