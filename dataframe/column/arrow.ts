import * as arrow from 'apache-arrow';
import { limits } from '../../core/base/limits.js';
import type { Batch, Column, Dictionary } from './column.js';
import type { DataType, Schema, TimeUnit } from './datatype.js';
import { decimalWords } from './decimal-entries.js';
import { unifySteps } from './dictionary.js';
import { isNested } from './layout.js';
import { bitsOf, wordsOf, writtenOut } from './written.js';

export { tableToBatches } from './arrow-in.js';

const arrowUnits: Readonly<Record<TimeUnit, arrow.TimeUnit>> = {
  s: arrow.TimeUnit.SECOND,
  ms: arrow.TimeUnit.MILLISECOND,
  us: arrow.TimeUnit.MICROSECOND,
  ns: arrow.TimeUnit.NANOSECOND,
};

/** The Arrow type of a column; text is dictionary-encoded. `id` numbers the dictionary within its table. */
function arrowType(type: DataType, id: number): arrow.DataType {
  switch (type.kind) {
    case 'null':
      return new arrow.Null();
    case 'bool':
      return new arrow.Bool();
    case 'int8':
      return new arrow.Int8();
    case 'int16':
      return new arrow.Int16();
    case 'int32':
      return new arrow.Int32();
    case 'int64':
      return new arrow.Int64();
    case 'uint8':
      return new arrow.Uint8();
    case 'uint16':
      return new arrow.Uint16();
    case 'uint32':
      return new arrow.Uint32();
    case 'uint64':
      return new arrow.Uint64();
    case 'float32':
      return new arrow.Float32();
    case 'date':
      return new arrow.DateDay();
    case 'timestamp':
      return new arrow.Timestamp(arrowUnits[type.unit], type.timeZone);
    case 'duration':
      return new arrow.Duration(arrowUnits[type.unit]);
    case 'utf8':
      return new arrow.Dictionary(new arrow.Utf8(), new arrow.Int32(), id);
    case 'binary':
      return new arrow.Dictionary(new arrow.Binary(), new arrow.Int32(), id);
    case 'decimal':
      return new arrow.Decimal(type.scale, type.precision, 128);
    case 'struct':
      return new arrow.Struct(
        type.fields.map(({ name, type: field }) => new arrow.Field(name, itemType(field), true)),
      );
    case 'list':
      return new arrow.List(new arrow.Field('item', itemType(type.item), true));
    default:
      return new arrow.Float64();
  }
}

/** Items of lists and fields of structs: text is written out, since few readers take dictionaries inside them. */
function itemType(type: DataType): arrow.DataType {
  if (type.kind === 'utf8') return new arrow.Utf8();
  return type.kind === 'binary' ? new arrow.Binary() : arrowType(type, 0);
}

/** A column inside a list or struct, or such a column, as Arrow data of that type. */
function nestedData(column: Column, type: arrow.DataType): arrow.Data {
  const { length, nullCount, items, fields } = column;
  const nullBitmap = column.validity ?? undefined;
  let props: object;
  if (fields !== undefined) {
    const { children } = type as arrow.Struct;
    props = { children: fields.map((field, f) => nestedData(field, children[f]!.type)) };
  } else if (items !== undefined) {
    const child = nestedData(items, (type as arrow.List).children[0]!.type);
    props = { valueOffsets: column.values, child };
  } else if (column.dictionary !== null && column.type.kind !== 'decimal') {
    const { offsets, bytes } = writtenOut(column);
    props = { valueOffsets: offsets, data: bytes };
  } else props = { data: plainData(column) };
  type Props = Parameters<typeof arrow.makeData>[0];
  return arrow.makeData({ type, length, nullCount, nullBitmap, ...props } as Props) as arrow.Data;
}

/**
 * One Arrow table; each batch becomes a record batch. Text columns share one dictionary over the whole table, so that
 * it can be written as an IPC file, unless nearly every row has a text of its own. Buffers are shared with the batches wherever the layout is the same.
 */
export function batchesToTable(schema: Schema, batches: readonly Batch[]): arrow.Table {
  const steps = tableSteps(schema, batches);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/** As batchesToTable, letting the event loop turn in between. */
export async function tableInTurns(schema: Schema, batches: readonly Batch[]): Promise<arrow.Table> {
  const steps = tableSteps(schema, batches);
  let sinceMs = performance.now();
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value;
    if (performance.now() - sinceMs < limits.turnMs) continue;
    await new Promise(resolve => setImmediate(resolve));
    sinceMs = performance.now();
  }
}

/** Yields after every few milliseconds of work at most. */
function* tableSteps(schema: Schema, batches: readonly Batch[]): Generator<void, arrow.Table> {
  const types = schema.map(({ type }, id) => arrowType(type, id));
  const fields = schema.map(({ name }, c) => new arrow.Field(name, types[c]!, true));
  const arrowSchema = new arrow.Schema(fields);
  const texts: (TableText | null)[] = [];
  for (let c = 0; c < schema.length; c++) texts.push(yield* tableText(batches, c, types[c]!));
  const recordBatches: arrow.RecordBatch[] = [];
  for (const [b, batch] of batches.entries()) {
    const children: arrow.Data[] = [];
    for (const [c, column] of batch.columns.entries()) {
      yield;
      if (isNested(column.type)) {
        children.push(nestedData(column, types[c]!));
        continue;
      }
      const text = texts[c] ?? null;
      const data = text === null ? plainData(column) : remapped(column.values as Int32Array, text.maps[b]!);
      const props = {
        type: types[c]!,
        length: column.length,
        nullCount: column.nullCount,
        nullBitmap: column.validity ?? undefined,
        data,
        dictionary: text?.vectors[b],
      };
      children.push(arrow.makeData(props as Parameters<typeof arrow.makeData>[0]) as arrow.Data);
    }
    const type = new arrow.Struct(fields);
    const data = arrow.makeData({ type, length: batch.rows, nullCount: 0, children });
    recordBatches.push(new arrow.RecordBatch(arrowSchema, data as never));
  }
  return new arrow.Table(arrowSchema, recordBatches as never);
}

interface TableText {
  /** The dictionary of each batch. */
  readonly vectors: readonly arrow.Vector[];
  readonly maps: readonly (Int32Array | null)[];
}

function* tableText(
  batches: readonly Batch[],
  c: number,
  type: arrow.DataType,
): Generator<void, TableText | null> {
  if (!arrow.DataType.isDictionary(type) || batches.length === 0) return null;
  const dictionaries = batches.map(batch => batch.columns[c]!.dictionary!);
  const rows = batches.reduce((sum, batch) => sum + batch.rows, 0);
  const entries = [...new Set(dictionaries)].reduce((sum, { length }) => sum + length, 0);
  if (entries > Math.max(manyEntries, rows / 2)) {
    const known = new Map<Dictionary, arrow.Vector>();
    for (const each of dictionaries)
      known.set(each, known.get(each) ?? dictionaryVector(each, type.dictionary));
    return { vectors: dictionaries.map(each => known.get(each)!), maps: dictionaries.map(() => null) };
  }
  const { dictionary, maps } = yield* unifySteps(dictionaries);
  const vector = dictionaryVector(dictionary, type.dictionary);
  return { vectors: dictionaries.map(() => vector), maps };
}

/**
 * Text with more entries than this, most of them in one row each, keeps the dictionaries of its batches: one for all
 * would cost more than the query did. Arrow reads such a table and streams it; only its file format refuses.
 */
const manyEntries = 2 ** 20;

function dictionaryVector(dictionary: Dictionary, type: arrow.DataType): arrow.Vector {
  const { length, offsets, bytes } = dictionary;
  const props = { type, length, nullCount: 0, valueOffsets: offsets, data: bytes };
  return new arrow.Vector([arrow.makeData(props as Parameters<typeof arrow.makeData>[0]) as arrow.Data]);
}

function remapped(codes: Int32Array, map: Int32Array | null): Int32Array {
  if (map === null || map.length === 0) return codes;
  const out = new Int32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = map[codes[i]!]!;
  return out;
}

/** The data buffer of a column that is no text, in Arrow's layout. */
function plainData(column: Column): unknown {
  const { type, values, length } = column;
  switch (type.kind) {
    case 'null':
      return undefined;
    case 'bool':
      return bitsOf(values, length);
    case 'int64':
    case 'timestamp':
    case 'duration':
    case 'uint64': {
      const words = wordsOf(column);
      const View = type.kind === 'uint64' ? BigUint64Array : BigInt64Array;
      return new View(words.buffer as ArrayBuffer, words.byteOffset, length);
    }
    case 'decimal': {
      const words = decimalWords(column);
      return new Uint32Array(words.buffer, words.byteOffset, words.length);
    }
    default:
      return values;
  }
}
