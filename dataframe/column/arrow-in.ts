import * as arrow from 'apache-arrow';
import { VolleyError } from '../../core/base/errors.js';
import { bulkCopier, type Segment } from './arrow-copy.js';
import { type ColumnBuilder, createBuilder } from './builder.js';
import type { Batch, Column } from './column.js';
import { DataType, isDecimal, type Schema, type TimeUnit } from './datatype.js';
import type { DecimalBuilder } from './decimal-builder.js';
import { emptyBatch, physicalOf } from './layout.js';
import type { ListBuilder, StructBuilder } from './nested-builder.js';

const units: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns'];

/**
 * Batches of `rowsPerBatch` rows (the last one shorter), whatever the chunks of the table are; at least one. Their
 * columns may share memory with the table.
 */
export function tableToBatches(table: arrow.Table, rowsPerBatch: number): Batch[] {
  const fields = table.schema.fields;
  const schema: Schema = fields.map(({ name, type }) => ({ name, type: typeOf(type, name) }));
  if (table.numRows === 0) return [emptyBatch(schema)];
  const copiers = fields.map((field, c) =>
    copierOf(table.getChildAt(c)!, field.type, schema[c]!.type, rowsPerBatch),
  );
  const batches: Batch[] = [];
  for (let start = 0; start < table.numRows; start += rowsPerBatch) {
    const rows = Math.min(rowsPerBatch, table.numRows - start);
    const columns = copiers.map(copy => copy(start, rows));
    batches.push({ schema, rows, columns });
  }
  return batches;
}

function typeOf(type: arrow.DataType, name: string): DataType {
  if (arrow.DataType.isDictionary(type)) return typeOf(type.dictionary, name);
  if (arrow.DataType.isNull(type)) return DataType.Null;
  if (arrow.DataType.isBool(type)) return DataType.Bool;
  if (arrow.DataType.isInt(type)) {
    return { kind: `${type.isSigned ? 'int' : 'uint'}${type.bitWidth}` } as DataType;
  }
  if (arrow.DataType.isFloat(type)) return type.precision === 2 ? DataType.Float64 : DataType.Float32;
  if (arrow.DataType.isUtf8(type) || arrow.DataType.isLargeUtf8(type) || arrow.DataType.isUtf8View(type)) {
    return DataType.Utf8;
  }
  if (
    arrow.DataType.isBinary(type) ||
    arrow.DataType.isLargeBinary(type) ||
    arrow.DataType.isBinaryView(type)
  ) {
    return DataType.Binary;
  }
  // Arrow JS stores whole JavaScript Dates as Date<ms>: only a timestamp keeps their time of day.
  if (arrow.DataType.isDate(type)) return type.unit === 0 ? DataType.Date : DataType.Timestamp('ms');
  if (arrow.DataType.isTimestamp(type)) return DataType.Timestamp(units[type.unit]!, type.timezone ?? null);
  if (arrow.DataType.isDuration(type)) return DataType.Duration(units[type.unit]!);
  if (arrow.DataType.isDecimal(type) && type.bitWidth === 128 && isDecimal(type.precision, type.scale)) {
    return DataType.Decimal(type.precision, type.scale);
  }
  if (arrow.DataType.isList(type)) return DataType.List(typeOf(type.children[0]!.type, name));
  if (arrow.DataType.isStruct(type)) {
    const fields = type.children.map(child => ({ name: child.name, type: typeOf(child.type, name) }));
    return { kind: 'struct', fields };
  }
  throw new VolleyError(
    'UNSUPPORTED',
    `column "${name}" has the Arrow type ${type}, which is not supported yet: drop or convert it first`,
    { column: name, type: String(type) },
  );
}

/** Makes the column of rows [start, start + rows). Called with ascending, adjoining ranges. */
type Copier = (start: number, rows: number) => Column;

/** Appends row i of one chunk, which is not null. */
type Append = (i: number) => void;

function copierOf(
  vector: arrow.Vector,
  arrowType: arrow.DataType,
  type: DataType,
  rowsPerBatch: number,
): Copier {
  const chunks = vector.data as readonly arrow.Data[];
  const bulk = bulkCopier(vector, arrowType, type);
  if (bulk !== null) {
    const next = segmentsOf(chunks);
    return (_start, rows) => bulk(next(rows), rows);
  }
  const appendTo = createBuilder(type, Math.min(rowsPerBatch, vector.length));
  const source = sourceOf(arrowType, type);
  const next = segmentsOf(chunks);
  return (_start, rows) => {
    for (const { data, from, count } of next(rows)) {
      appendChunk(data, from, count, appendTo, source(data, appendTo));
    }
    return appendTo.finish();
  };
}

/** Where the next rows lie, chunk by chunk. */
function segmentsOf(chunks: readonly arrow.Data[]): (rows: number) => Segment[] {
  let chunk = 0;
  let at = 0;
  return rows => {
    const segments: Segment[] = [];
    for (let left = rows; left > 0; ) {
      const data = chunks[chunk]!;
      const count = Math.min(left, data.length - at);
      if (count > 0) segments.push({ data, from: at, count });
      at += count;
      left -= count;
      if (at === data.length) {
        chunk++;
        at = 0;
      }
    }
    return segments;
  };
}

function appendChunk(
  data: arrow.Data,
  from: number,
  n: number,
  builder: ColumnBuilder,
  append: Append,
): void {
  // Slicing a chunk moves its values but not its bitmap: the bitmap is read at data.offset.
  const bitmap = data.nullCount > 0 ? data.nullBitmap : null;
  if (arrow.DataType.isNull(data.type)) {
    for (let i = 0; i < n; i++) builder.appendNull();
  } else if (bitmap === null) {
    for (let i = from; i < from + n; i++) append(i);
  } else {
    for (let i = from; i < from + n; i++) {
      const bit = data.offset + i;
      if (((bitmap[bit >> 3]! >> (bit & 7)) & 1) === 1) append(i);
      else builder.appendNull();
    }
  }
}

type Source = (data: arrow.Data, builder: ColumnBuilder) => Append;

function sourceOf(arrowType: arrow.DataType, type: DataType): Source {
  if (arrow.DataType.isDictionary(arrowType)) return dictionarySource(arrowType, type);
  if (arrow.DataType.isList(arrowType) && type.kind === 'list') {
    return listSource(arrowType.children[0]!.type, type.item);
  }
  if (arrow.DataType.isStruct(arrowType) && type.kind === 'struct') return structSource(arrowType, type);
  if (arrow.DataType.isBool(arrowType)) {
    return (data, builder) => {
      const bits = data.values as Uint8Array;
      const { offset } = data;
      return i => builder.appendBool(((bits[(offset + i) >> 3]! >> ((offset + i) & 7)) & 1) === 1);
    };
  }
  if (arrow.DataType.isUtf8(arrowType) || arrow.DataType.isBinary(arrowType)) {
    return (data, builder) => {
      const offsets = data.valueOffsets as Int32Array;
      const bytes = data.values as Uint8Array;
      return i => builder.appendBytes(bytes, offsets[i]!, offsets[i + 1]!);
    };
  }
  if (arrow.DataType.isLargeUtf8(arrowType) || arrow.DataType.isLargeBinary(arrowType)) {
    return (data, builder) => {
      const words = int32View(data.valueOffsets as unknown as BigInt64Array);
      const bytes = data.values as Uint8Array;
      return i => builder.appendBytes(bytes, largeOffset(words, i), largeOffset(words, i + 1));
    };
  }
  if (arrow.DataType.isUtf8View(arrowType) || arrow.DataType.isBinaryView(arrowType)) return viewSource;
  if (arrow.DataType.isFloat(arrowType) && arrowType.precision === 0) {
    return (data, builder) => {
      const half = new arrow.Vector([data]);
      return i => builder.appendNumber(half.get(i) as number);
    };
  }
  if (type.kind === 'decimal') return decimalSource;
  if (physicalOf(type) === 'f64' && type.kind !== 'float64') return wordsSource;
  return (data, builder) => {
    const values = data.values as Float64Array;
    return i => builder.appendNumber(values[i]!);
  };
}

function listSource(arrowItem: arrow.DataType, item: DataType): Source {
  const source = sourceOf(arrowItem, item);
  return (data, builder) => {
    const lists = builder as ListBuilder;
    const offsets = data.valueOffsets as Int32Array;
    const child = data.children[0] as arrow.Data;
    const append = source(child, lists.items);
    return i => {
      const from = offsets[i]!;
      appendChunk(child, from, offsets[i + 1]! - from, lists.items, append);
      lists.appendList();
    };
  };
}

function structSource(arrowType: arrow.Struct, type: Extract<DataType, { kind: 'struct' }>): Source {
  const sources = type.fields.map((field, f) => sourceOf(arrowType.children[f]!.type, field.type));
  return (data, builder) => {
    const structs = builder as StructBuilder;
    const children = data.children as arrow.Data[];
    const appends = sources.map((source, f) => source(children[f]!, structs.fields[f]!));
    return i => {
      appends.forEach((append, f) => {
        appendChunk(children[f]!, i, 1, structs.fields[f]!, append);
      });
      structs.appendStruct();
    };
  };
}

const wordsSource: Source = (data, builder) => {
  const words = int32View(data.values as BigInt64Array | Int32Array);
  return i => builder.appendInt64(words[2 * i]!, words[2 * i + 1]!);
};

const decimalSource: Source = (data, builder) => {
  const words = int32View(data.values as Uint32Array);
  return i => {
    const at = 4 * i;
    (builder as DecimalBuilder).appendWords(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
  };
};

const viewSource: Source = (data, builder) => {
  const view = new arrow.Vector([data]);
  return i => {
    const value = view.get(i) as string | Uint8Array;
    if (typeof value === 'string') builder.appendString(value);
    else builder.appendBytes(value, 0, value.length);
  };
};

function int32View(values: ArrayBufferView): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength >> 2);
}

function largeOffset(words: Int32Array, i: number): number {
  return words[2 * i + 1]! * 4294967296 + (words[2 * i]! >>> 0);
}

/** Entries are read through their own source, row by row; each chunk knows its dictionary. */
function dictionarySource(arrowType: arrow.Dictionary, type: DataType): Source {
  return (data, builder) => {
    const entries = data.dictionary as arrow.Vector;
    const chunks = entries.data as readonly arrow.Data[];
    const source = sourceOf(arrowType.dictionary, type);
    const appends = chunks.map(chunk => source(chunk, builder));
    const firsts: number[] = [];
    let total = 0;
    for (const chunk of chunks) {
      firsts.push(total);
      total += chunk.length;
    }
    const keys = data.values as Int32Array | BigInt64Array;
    return i => {
      const key = Number(keys[i]!);
      let c = chunks.length - 1;
      while (c > 0 && firsts[c]! > key) c--;
      const chunk = chunks[c];
      if (chunk === undefined || key < 0 || key >= total || !chunk.getValid(key - firsts[c]!)) {
        builder.appendNull();
      } else appends[c]!(key - firsts[c]!);
    };
  };
}
