import * as arrow from 'apache-arrow';

/** Answers as text that keeps every bit: two are the same only when every value has the same 64 bits. */

/** One column by row: floats as the hexadecimal digits of their bits, lists item by item, anything else as text. */
function cellsOf(data: arrow.Data): string[] {
  const { length, type } = data;
  const valid = (row: number) => data.nullCount === 0 || data.getValid(row);
  if (arrow.DataType.isFloat(type)) {
    const size = type.precision === arrow.Precision.DOUBLE ? 8 : 4;
    const { buffer, byteOffset, byteLength } = data.values as Float64Array;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    return Array.from({ length }, (_, row) =>
      valid(row) ? bytes.subarray(row * size, (row + 1) * size).toString('hex') : 'null',
    );
  }
  if (arrow.DataType.isList(type)) {
    const items = cellsOf(data.children[0]!);
    return Array.from({ length }, (_, row) => {
      const from = data.valueOffsets[row]!;
      return valid(row) ? `[${items.slice(from, data.valueOffsets[row + 1])}]` : 'null';
    });
  }
  const values = new arrow.Vector([data]);
  return Array.from({ length }, (_, row) => {
    const value = values.get(row);
    return typeof value === 'string' ? JSON.stringify(value) : String(value);
  });
}

/** Rows of cells, in the table's order. */
export function bitsOf(table: arrow.Table): string[][] {
  const rows = Array.from({ length: table.numRows }, (): string[] => []);
  for (let c = 0; c < table.numCols; c++) {
    let row = 0;
    for (const data of table.getChildAt(c)!.data) {
      for (const cell of cellsOf(data)) rows[row++]!.push(cell);
    }
  }
  return rows;
}

/** How many floats lie between two, given as their bits; 0 for equal bits and for two NaN. */
export function ulpsBetween(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [a, b].map(hex => Buffer.from(hex, 'hex')) as [Buffer, Buffer];
  if (x.length !== 8 || y.length !== 8) return Number.POSITIVE_INFINITY;
  if (Number.isNaN(x.readDoubleLE()) && Number.isNaN(y.readDoubleLE())) return 0;
  // Negative floats count downwards from zero.
  const place = (bytes: Buffer) => {
    const bits = bytes.readBigInt64LE();
    return bits < 0n ? -(bits & 0x7fff_ffff_ffff_ffffn) : bits;
  };
  const distance = place(x) - place(y);
  return Number(distance < 0n ? -distance : distance);
}
