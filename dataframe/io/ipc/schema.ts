import { limits } from '../../../core/base/limits.js';
import { DataType, isDecimal, type TimeUnit } from '../../column/datatype.js';
import type { FlatTable } from './flatbuffer.js';

/**
 * How the values of a field lie in its buffers.
 * 'plain': as in the column; 'words': 64-bit integers; 'narrow': 32-bit integers of a type that is wide here; 'bytes',
 * 'list': offsets of 32 or 64 bits, and what they cut; 'view': 16 bytes a value that tell where its bytes are.
 */
export type Layout =
  | { readonly kind: 'null' | 'bool' | 'plain' | 'words' | 'narrow' | 'half' | 'view' | 'struct' }
  | { readonly kind: 'decimal'; readonly bits: 32 | 64 | 128 }
  | { readonly kind: 'bytes' | 'list'; readonly large: boolean }
  | { readonly kind: 'fixedBytes' | 'fixedList'; readonly size: number }
  | { readonly kind: 'codes'; readonly bits: number; readonly signed: boolean }
  | { readonly kind: 'refused'; readonly what: string; readonly buffers: number };

/** A column of a file, or one inside of another. */
export interface IpcField {
  readonly name: string;
  /** For 'refused' anything. */
  readonly type: DataType;
  readonly layout: Layout;
  readonly children: readonly IpcField[];
  /** For 'codes': the dictionary's id, and what its entries are. */
  readonly dictionary: { readonly id: number; readonly entries: IpcField } | null;
}

const units: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns'];
const maxDepth = 64;

/** The fields of a Schema table. @throws RangeError */
export function readSchema(schema: FlatTable): IpcField[] {
  if (schema.int16(0, 0) !== 0) throw new RangeError('its numbers are big-endian, which is not supported');
  schema.checkPairs(2);
  const left = { fields: limits.partitionColumns };
  return schema.tables(1).map(field => readField(field, left, 0));
}

function readField(table: FlatTable, left: { fields: number }, depth: number): IpcField {
  // Offsets may share children, so a small schema can unfold to a huge one.
  if (--left.fields < 0 || depth > maxDepth) {
    throw new RangeError(`its schema has more than ${limits.partitionColumns} fields or ${maxDepth} levels`);
  }
  table.checkPairs(6);
  const name = table.text(0) ?? '';
  const children = table.tables(5).map(child => readField(child, left, depth + 1));
  const form = formOf(table.uint8(2, 0), table.table(3), children);
  const entries: IpcField = { name, ...form, children, dictionary: null };
  const dictionary = table.table(4);
  if (dictionary === null) return entries;
  const index = dictionary.table(1);
  const bits = index?.int32(0, 0) ?? 32;
  if (![8, 16, 32, 64].includes(bits)) throw new RangeError(`column '${name}' has codes of ${bits} bits`);
  const signed = index?.bool(1) ?? true;
  return {
    name,
    type: form.type,
    layout: form.layout.kind === 'refused' ? { ...form.layout, buffers: 2 } : { kind: 'codes', bits, signed },
    children: [],
    dictionary: { id: dictionary.int64(0, 0), entries },
  };
}

type Form = Pick<IpcField, 'type' | 'layout'>;

const form = (
  type: DataType,
  kind: 'null' | 'bool' | 'plain' | 'words' | 'narrow' | 'half' | 'view',
): Form => ({
  type,
  layout: { kind },
});
const refused = (what: string, buffers = 2): Form => ({
  type: DataType.Null,
  layout: { kind: 'refused', what, buffers },
});
const bytes = (type: DataType, large: boolean): Form => ({ type, layout: { kind: 'bytes', large } });

/** By the number of the type in Schema.fbs. */
function formOf(number: number, table: FlatTable | null, children: readonly IpcField[]): Form {
  if (table === null) throw new RangeError('a field of its schema has no type');
  switch (number) {
    case 1:
      return form(DataType.Null, 'null');
    case 2:
      return integerForm(table.int32(0, 0), table.bool(1));
    case 3:
      return floatForm(table.int16(0, 0));
    case 4:
      return bytes(DataType.Binary, false);
    case 5:
      return bytes(DataType.Utf8, false);
    case 6:
      return form(DataType.Bool, 'bool');
    case 7:
      return decimalForm(table.int32(0, 0), table.int32(1, 0), table.int32(2, 128));
    case 8:
      // Days are dates; milliseconds may hold a time of day.
      return table.int16(0, 1) === 0 ? form(DataType.Date, 'plain') : form(DataType.Timestamp('ms'), 'words');
    case 9:
      return form(DataType.Duration(unitOf(table, 1)), table.int32(1, 32) === 32 ? 'narrow' : 'words');
    case 10:
      return form(DataType.Timestamp(unitOf(table, 0), table.text(1) || null), 'words');
    case 18:
      return form(DataType.Duration(unitOf(table, 1)), 'words');
    case 15:
      return { type: DataType.Binary, layout: { kind: 'fixedBytes', size: sizeOf(table) } };
    case 19:
      return bytes(DataType.Binary, true);
    case 20:
      return bytes(DataType.Utf8, true);
    case 23:
      return form(DataType.Binary, 'view');
    case 24:
      return form(DataType.Utf8, 'view');
    default:
      return nestedForm(number, table, children);
  }
}

function nestedForm(number: number, table: FlatTable, children: readonly IpcField[]): Form {
  switch (number) {
    // A map is a list of its entries.
    case 12:
    case 17:
      return listForm(children, { kind: 'list', large: false });
    case 21:
      return listForm(children, { kind: 'list', large: true });
    case 16:
      return listForm(children, { kind: 'fixedList', size: sizeOf(table) });
    case 13: {
      const inner = refusedOf(children);
      if (inner !== null) return refused(inner, 1);
      const fields = children.map(({ name, type }) => ({ name, type }));
      return { type: { kind: 'struct', fields }, layout: { kind: 'struct' } };
    }
    case 11:
      return refused('Interval');
    case 14:
      // Before version 5 unions had a bitmap too: what comes after them could not be found.
      return refused('Union', table.int16(0, 0) === 0 ? 1 : 2);
    case 22:
      return refused('RunEndEncoded', 0);
    case 25:
    case 26:
      return refused('ListView', 3);
    default:
      throw new RangeError(`its schema has a type of number ${number}, which is not known`);
  }
}

function listForm(
  children: readonly IpcField[],
  layout: Extract<Layout, { large: boolean } | { size: number }>,
): Form {
  const item = children[0];
  if (item === undefined || children.length !== 1) throw new RangeError('a list of its schema has no items');
  const inner = refusedOf(children);
  if (inner !== null) return refused(inner, layout.kind === 'list' ? 2 : 1);
  return { type: DataType.List(item.type), layout };
}

function refusedOf(children: readonly IpcField[]): string | null {
  for (const { layout } of children) if (layout.kind === 'refused') return layout.what;
  return null;
}

function integerForm(bits: number, signed: boolean): Form {
  const kind = `${signed ? 'int' : 'uint'}${bits}`;
  if (![8, 16, 32, 64].includes(bits)) throw new RangeError(`its schema has integers of ${bits} bits`);
  return form({ kind } as DataType, bits === 64 ? 'words' : 'plain');
}

function floatForm(precision: number): Form {
  if (precision === 0) return form(DataType.Float32, 'half');
  if (precision === 1) return form(DataType.Float32, 'plain');
  if (precision === 2) return form(DataType.Float64, 'plain');
  throw new RangeError(`its schema has floats of precision ${precision}`);
}

function decimalForm(precision: number, scale: number, bits: number): Form {
  if (bits !== 32 && bits !== 64 && bits !== 128) return refused(`Decimal${bits}`);
  if (!isDecimal(precision, scale)) return refused(`Decimal(${precision}, ${scale})`);
  return { type: DataType.Decimal(precision, scale), layout: { kind: 'decimal', bits } };
}

function unitOf(table: FlatTable, absent: number): TimeUnit {
  const unit = units[table.int16(0, absent)];
  if (unit === undefined) throw new RangeError('its schema has an unknown unit of time');
  return unit;
}

function sizeOf(table: FlatTable): number {
  const size = table.int32(0, 0);
  if (size < 0) throw new RangeError(`its schema has values of size ${size}`);
  return size;
}
