import { VolleyError } from '../../../core/base/errors.js';
import { type DataType, type Field, formatType, type Schema } from '../../column/datatype.js';
import type { DecimalType } from '../../column/decimal.js';
import { entryBytes } from '../../column/decimal-entries.js';
import { isHuge } from '../../column/layout.js';
import type { ThriftFields } from './thrift.js';

/** Parquet's numbers for its physical types. */
export const FileType = {
  Boolean: 0,
  Int32: 1,
  Int64: 2,
  Float: 4,
  Double: 5,
  ByteArray: 6,
  FixedBytes: 7,
} as const;
export type FileType = (typeof FileType)[keyof typeof FileType];

/** How a column is told in the schema of a file. */
export interface FileElement {
  readonly name: string;
  readonly type: FileType;
  /** Bytes of a value of type FixedBytes. */
  readonly length?: number;
  readonly decimal?: { readonly precision: number; readonly scale: number };
  /** Parquet's number; null: none. */
  readonly converted: number | null;
  /** Writes the LogicalType union; null: none. */
  readonly logical: ((union: ThriftFields) => void) | null;
}

const units = { s: 1, ms: 1, us: 2, ns: 3 } as const;
/** UINT_8 … INT_64. */
const convertedIntegers: Readonly<Record<string, number>> = {
  uint8: 11,
  uint16: 12,
  uint32: 13,
  uint64: 14,
  int8: 15,
  int16: 16,
};

/** A column, or what it is made of. */
export interface FileNode {
  readonly name: string;
  /** From the column down to this. */
  readonly path: readonly string[];
  readonly kind: 'leaf' | 'list' | 'items' | 'struct';
  /** Of leaves. */
  readonly element: FileElement | null;
  readonly children: readonly FileNode[];
}

/** The columns of a file. Every one is optional: whether a partition has nulls must not change the file's schema. */
export function fileNodes(schema: Schema): FileNode[] {
  return schema.map(field => nodeOf(field, [], field));
}

/** Lists as the format wants them: an optional group of a repeated group `list` of an optional `element`. */
function nodeOf({ name, type }: Field, outer: readonly string[], column: Field): FileNode {
  const path = [...outer, name];
  const node = { name, path, element: null };
  if (type.kind === 'list') {
    const inner = [...path, 'list'];
    const items = { name: 'list', path: inner, kind: 'items', element: null } as const;
    const child = nodeOf({ name: 'element', type: type.item }, inner, column);
    return { ...node, kind: 'list', children: [{ ...items, children: [child] }] };
  }
  if (type.kind === 'struct' && type.fields.length > 0)
    return { ...node, kind: 'struct', children: type.fields.map(field => nodeOf(field, path, column)) };
  const element = elementOf({ name, type });
  if (element === null) throw notWritten(column);
  return { ...node, kind: 'leaf', element, children: [] };
}

function notWritten({ name, type }: Field): VolleyError {
  return new VolleyError(
    'UNSUPPORTED',
    `column '${name}' of type ${formatType(type)} is not written to Parquet yet: cast or drop it first`,
    { column: name, type: formatType(type) },
  );
}

/** A node and all below it, in the order of the file's schema. */
export function flattened(node: FileNode): FileNode[] {
  return [node, ...node.children.flatMap(flattened)];
}

/** null: such values cannot be written. */
function elementOf({ name, type }: Field): FileElement | null {
  const plain = (fileType: FileType): FileElement => ({
    name,
    type: fileType,
    converted: null,
    logical: null,
  });
  switch (type.kind) {
    case 'bool':
      return plain(FileType.Boolean);
    case 'int8':
    case 'int16':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'uint64':
      return integerElement(name, type.kind);
    case 'null':
    case 'int32':
      return plain(FileType.Int32);
    case 'int64':
    // The format has no durations: the schema of Arrow in the footer tells them from integers.
    case 'duration':
      return plain(FileType.Int64);
    case 'float32':
      return plain(FileType.Float);
    case 'float64':
      return plain(FileType.Double);
    case 'utf8':
      return { name, type: FileType.ByteArray, converted: 0, logical: union => union.struct(1, () => {}) };
    case 'binary':
      return plain(FileType.ByteArray);
    case 'date':
      return { name, type: FileType.Int32, converted: 6, logical: union => union.struct(6, () => {}) };
    case 'timestamp':
      return { name, type: FileType.Int64, converted: null, logical: timestamp(type) };
    case 'decimal':
      return decimalElement(name, type);
    default:
      return null;
  }
}

/** As the format has it: 64 bits up to 18 digits, 128 beyond. */
function decimalElement(name: string, type: DecimalType): FileElement {
  const { precision, scale } = type;
  const storage = isHuge(type) ? { type: FileType.FixedBytes, length: entryBytes } : { type: FileType.Int64 };
  const logical = (union: ThriftFields) =>
    union.struct(5, fields => {
      fields.i32(1, scale);
      fields.i32(2, precision);
    });
  return { name, ...storage, decimal: { precision, scale }, converted: 5, logical };
}

function timestamp(type: Extract<DataType, { kind: 'timestamp' }>) {
  return (union: ThriftFields) =>
    union.struct(8, fields => {
      fields.bool(1, type.timeZone !== null);
      fields.struct(2, unit => unit.struct(units[type.unit], () => {}));
    });
}

function integerElement(name: string, kind: string): FileElement {
  const bits = Number(/\d+/.exec(kind)![0]);
  return {
    name,
    type: bits === 64 ? FileType.Int64 : FileType.Int32,
    converted: convertedIntegers[kind]!,
    logical: union =>
      union.struct(10, fields => {
        fields.byte(1, bits);
        fields.bool(2, !kind.startsWith('u'));
      }),
  };
}
