import * as arrow from 'apache-arrow';

/** A value as exact text, null, or a list of them: cells.py gives the peers' in the same form. */
export type Cell = string | null | readonly Cell[];

/** Times are nanoseconds, dates days, floats their 64 bits, bytes hex. */
export function cellsOf(vector: arrow.Vector): Cell[] {
  return vector.data.flatMap(cellsOfData);
}

function cellsOfData(data: arrow.Data): Cell[] {
  // Of a table without batches apache-arrow makes lists without children.
  if (data.length === 0) return [];
  const cell = cellReader(data);
  return Array.from({ length: data.length }, (_, row) => (data.getValid(row) ? cell(row) : null));
}

/** The cell of a row that is not null. */
function cellReader(data: arrow.Data): (row: number) => Cell {
  const { type, values, valueOffsets, children } = data;
  const bytes = (row: number) => Buffer.from(values.subarray(valueOffsets[row], valueOffsets[row + 1]));
  if (arrow.DataType.isNull(type)) return () => null;
  if (arrow.DataType.isBool(type))
    return row => String(((values[(data.offset + row) >> 3]! >> ((data.offset + row) & 7)) & 1) === 1);
  if (arrow.DataType.isFloat(type)) return row => floatText(values[row]!);
  if (arrow.DataType.isInt(type) || arrow.DataType.isDate(type)) return row => String(values[row]);
  if (arrow.DataType.isTimestamp(type) || arrow.DataType.isDuration(type)) {
    const factor = 1000n ** BigInt(arrow.TimeUnit.NANOSECOND - type.unit);
    return row => String(values[row] * factor);
  }
  if (arrow.DataType.isDecimal(type))
    return row => decimalText(values.subarray(4 * row, 4 * row + 4), type.scale);
  if (arrow.DataType.isUtf8(type)) return row => bytes(row).toString('utf8');
  if (arrow.DataType.isBinary(type)) return row => bytes(row).toString('hex');
  if (arrow.DataType.isDictionary(type)) {
    const entries = cellsOf(data.dictionary!);
    return row => entries[values[row]!]!;
  }
  const inner = children.map(cellsOfData);
  if (arrow.DataType.isStruct(type)) return row => inner.map(field => field[row]!);
  if (arrow.DataType.isList(type)) return row => inner[0]!.slice(valueOffsets[row], valueOffsets[row + 1]);
  throw new Error(`no cells of ${type}`);
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return bits.toString('hex');
}

function decimalText(words: Uint32Array, scale: number): string {
  const unsigned = words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n);
  const value = BigInt.asIntN(128, unsigned);
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${value < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

/** What a type means, whatever its layout. */
export function kindOf(type: arrow.DataType): string {
  if (arrow.DataType.isDictionary(type)) return kindOf(type.dictionary);
  if (arrow.DataType.isUtf8(type)) return 'text';
  if (arrow.DataType.isBinary(type)) return 'bytes';
  if (arrow.DataType.isTimestamp(type)) return type.timezone == null ? 'time' : 'instant';
  if (arrow.DataType.isDate(type)) return 'date';
  if (arrow.DataType.isDuration(type)) return 'duration';
  if (arrow.DataType.isDecimal(type)) return `decimal(${type.precision},${type.scale})`;
  if (arrow.DataType.isStruct(type))
    return `struct(${type.children.map(f => `${f.name}:${kindOf(f.type)}`)})`;
  if (arrow.DataType.isList(type)) return `list(${kindOf(type.children[0]!.type)})`;
  return String(type).toLowerCase();
}
