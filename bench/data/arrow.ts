import * as arrow from 'apache-arrow';
import { type BenchColumn, type BenchTable, textOf } from './columns.js';

/** The table over the generated arrays themselves; categories become dictionary columns, as peers get ENUM and Categorical. */
export function toArrow(table: BenchTable): arrow.Table {
  const columns = table.columns.map(column => [column.name, vectorOf(column, table.rows)] as const);
  return new arrow.Table(Object.fromEntries(columns));
}

function vectorOf(column: BenchColumn, length: number): arrow.Vector {
  const { nullBitmap, nullCount } = validity(column.nulls);
  const { values } = column;
  switch (column.kind) {
    case 'int':
      return new arrow.Vector([
        arrow.makeData({
          type: new arrow.Int32(),
          length,
          data: values as Int32Array,
          nullBitmap,
          nullCount,
        }),
      ]);
    case 'float':
      return new arrow.Vector([
        arrow.makeData({
          type: new arrow.Float64(),
          length,
          data: values as Float64Array,
          nullBitmap,
          nullCount,
        }),
      ]);
    case 'category': {
      const dictionary = utf8Vector(column, null, column.max);
      const codes = Int32Array.from(values, value => value - 1);
      const type = new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32());
      return new arrow.Vector([
        arrow.makeData({ type, length, data: codes, nullBitmap, nullCount, dictionary }),
      ]);
    }
    case 'text':
      return utf8Vector(column, values as Int32Array, length);
  }
}

/** The strings of `numbers`, or of 1..length. */
function utf8Vector(
  column: BenchColumn,
  numbers: Int32Array | null,
  length: number,
): arrow.Vector<arrow.Utf8> {
  const { nullBitmap, nullCount } = numbers === null ? validity(null) : validity(column.nulls);
  const offsets = new Int32Array(length + 1);
  const longest = textOf(column, column.max).length;
  const bytes = Buffer.allocUnsafe(length * longest);
  let at = 0;
  for (let i = 0; i < length; i++) {
    if (numbers === null || column.nulls?.[i] !== 1) {
      at += bytes.write(textOf(column, numbers === null ? i + 1 : numbers[i]!), at, 'latin1');
    }
    offsets[i + 1] = at;
  }
  return new arrow.Vector([
    arrow.makeData({
      type: new arrow.Utf8(),
      length,
      valueOffsets: offsets,
      data: bytes.subarray(0, at),
      nullBitmap,
      nullCount,
    }),
  ]);
}

function validity(nulls: Uint8Array | null): { nullBitmap: Uint8Array | null; nullCount: number } {
  if (nulls === null) return { nullBitmap: null, nullCount: 0 };
  const nullBitmap = new Uint8Array((nulls.length + 7) >> 3);
  let nullCount = 0;
  for (let i = 0; i < nulls.length; i++) {
    if (nulls[i] === 1) nullCount++;
    else nullBitmap[i >> 3]! |= 1 << (i & 7);
  }
  return { nullBitmap, nullCount };
}
