import { VolleyError } from '../../../core/base/errors.js';
import { DataType, isDecimal, type TimeUnit } from '../../column/datatype.js';
import type { FileMetaData, SchemaElement } from './metadata.js';

/** A top-level column of a Parquet file, or a field of one that is a struct. */
export interface FileColumn {
  readonly name: string;
  /** Names from the top-level column to this one. */
  readonly path: readonly string[];
  readonly type: DataType;
  /** Index in `row_groups[].columns`; -1 for structs and what cannot be read. */
  readonly leaf: number;
  /** Its definition level where it is not null: how many of it and what it is in may be null. */
  readonly level: number;
  /** Of structs, in the order of the type. */
  readonly fields: readonly FileColumn[] | null;
  /** Of the values: of a list's items. */
  readonly element: SchemaElement;
  /** The column itself, not the items of a list. */
  readonly nullable: boolean;
  /** For lists of flat values. */
  readonly list: FileList | null;
  /** Why it cannot be read; null when it can. Only a read of this column raises it. */
  readonly unsupported: string | null;
}

export interface FileList {
  readonly item: DataType;
  readonly itemNullable: boolean;
}

/** The top-level columns of a file, in its order. */
export function fileColumns(metadata: FileMetaData): FileColumn[] {
  const root = schemaTree(metadata.schema);
  let leaf = 0;
  return root.children.map(tree => {
    const first = leaf;
    leaf += leavesOf(tree);
    return fileColumn(tree, first, [], 0);
  });
}

/** Those of the columns that have pages of their own, in the order of the file. */
export function leafColumns(column: FileColumn): readonly FileColumn[] {
  return column.fields === null ? [column] : column.fields.flatMap(leafColumns);
}

interface SchemaTree {
  readonly element: SchemaElement;
  readonly children: readonly SchemaTree[];
}

/** Levels of nesting that are followed. */
const maxDepth = 64;

function schemaTree(elements: readonly SchemaElement[]): SchemaTree {
  let next = 0;
  const read = (depth: number): SchemaTree => {
    const element = elements[next++];
    if (element === undefined || depth > maxDepth) throw new RangeError('its schema is not a tree');
    const count = element.num_children ?? 0;
    if (count < 0 || count > elements.length - next) throw new RangeError('its schema is not a tree');
    return { element, children: Array.from({ length: count }, () => read(depth + 1)) };
  };
  const root = read(0);
  if (next !== elements.length) throw new RangeError('its schema is not a tree');
  return root;
}

function leavesOf(tree: SchemaTree): number {
  return tree.children.length === 0 ? 1 : tree.children.reduce((sum, child) => sum + leavesOf(child), 0);
}

function fileColumn(tree: SchemaTree, leaf: number, outer: readonly string[], above: number): FileColumn {
  const { element } = tree;
  const { name } = element;
  const nullable = element.repetition_type === 'OPTIONAL';
  const level = above + (nullable ? 1 : 0);
  const base = { name, path: [...outer, name], element, nullable, level, list: null, fields: null };
  const refused = (type: DataType, unsupported: string) => ({ ...base, leaf: -1, type, unsupported });
  const list = listOf(tree);
  if (list !== null) {
    const { item, itemNullable, element: own } = list;
    const mapped = scalarType(own);
    const type = DataType.List(mapped.type);
    if (mapped.unsupported !== null) return refused(type, mapped.unsupported);
    return { ...base, leaf, type, element: own, list: { item, itemNullable }, unsupported: null };
  }
  if (tree.children.length > 0 && isStruct(element)) {
    let next = leaf;
    const fields = tree.children.map(child => {
      const first = next;
      next += leavesOf(child);
      return fileColumn(child, first, base.path, level);
    });
    const type: DataType = {
      kind: 'struct',
      fields: fields.map(field => ({ name: field.name, type: field.type })),
    };
    const wrong = fields.find(field => field.unsupported !== null || field.list !== null);
    if (wrong !== undefined)
      return refused(
        nestedType(tree),
        `its field '${wrong.name}': ${wrong.unsupported ?? 'a list in a struct is not read yet'}`,
      );
    return { ...base, leaf: -1, type, fields, unsupported: null };
  }
  if (tree.children.length > 0 || element.type === undefined) {
    return refused(nestedType(tree), 'maps and lists of structs or lists are not read yet');
  }
  const mapped = scalarType(element);
  if (mapped.unsupported !== null) return refused(mapped.type, mapped.unsupported);
  return { ...base, leaf, type: mapped.type, unsupported: null };
}

function isStruct({
  converted_type: converted,
  logical_type: logical,
  repetition_type: repetition,
}: SchemaElement) {
  return converted === undefined && logical === undefined && repetition !== 'REPEATED';
}

/** A list of flat values in any of the forms that writers have used; null: something else. */
function listOf({ element, children }: SchemaTree): (FileList & { element: SchemaElement }) | null {
  if (element.repetition_type === 'REPEATED') {
    if (children.length > 0) return null;
    return { item: scalarType(element).type, itemNullable: false, element };
  }
  const repeated = children.length === 1 ? children[0]! : null;
  const annotated = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST';
  if (repeated === null || !annotated || repeated.element.repetition_type !== 'REPEATED') return null;
  const item = repeated.children.length === 0 ? repeated : repeated.children[0]!;
  if (repeated.children.length > 1 || item.children.length > 0) return null;
  if (item !== repeated && item.element.repetition_type === 'REPEATED') return null;
  const itemNullable = item.element.repetition_type === 'OPTIONAL';
  return { item: scalarType(item.element).type, itemNullable, element: item.element };
}

/** The type shown for a nested column that nobody reads. */
function nestedType(tree: SchemaTree): DataType {
  const { element, children } = tree;
  if (children.length === 0) {
    const item = scalarType(element).type;
    return element.repetition_type === 'REPEATED' ? DataType.List(item) : item;
  }
  const only = children.length === 1 ? children[0] : undefined;
  if (
    only?.element.repetition_type === 'REPEATED' &&
    (element.converted_type === 'LIST' || element.converted_type === 'MAP')
  ) {
    const item = only.children.length === 1 ? only.children[0] : only;
    return DataType.List(nestedType(item ?? only));
  }
  return { kind: 'struct', fields: children.map(c => ({ name: c.element.name, type: nestedType(c) })) };
}

interface MappedType {
  readonly type: DataType;
  readonly unsupported: string | null;
}

const supported = (type: DataType): MappedType => ({ type, unsupported: null });
const refused = (type: DataType, unsupported: string): MappedType => ({ type, unsupported });

/**
 * Parquet to Volley. INT96 becomes Timestamp(us): it has no unit of its own, Spark and Impala wrote microseconds or
 * coarser, and nanoseconds since 1970 would not fit float64. Integers annotated DECIMAL(p, 0) are integers, all others
 * exact decimals. A time of day is the Duration since midnight, a UUID its text.
 */
export function scalarType(element: SchemaElement): MappedType {
  const { converted_type: converted, logical_type: logical } = element;
  if (logical !== undefined && converted !== undefined && !agree(logical.type, converted)) {
    return refused(DataType.Binary, `its annotations ${logical.type} and ${converted} contradict each other`);
  }
  if (logical?.type === 'DECIMAL' || converted === 'DECIMAL') {
    return decimalType(element);
  }
  switch (element.type) {
    case 'BOOLEAN':
      return supported(DataType.Bool);
    case 'INT32':
      return int32Type(element);
    case 'INT64':
      return int64Type(element);
    case 'INT96':
      return supported(DataType.Timestamp('us', null));
    case 'FLOAT':
      return supported(DataType.Float32);
    case 'DOUBLE':
      return supported(DataType.Float64);
    case 'BYTE_ARRAY': {
      const text =
        ['UTF8', 'ENUM', 'JSON'].includes(converted ?? '') ||
        ['STRING', 'ENUM', 'JSON'].includes(logical?.type ?? '');
      return supported(text ? DataType.Utf8 : DataType.Binary);
    }
    case 'FIXED_LEN_BYTE_ARRAY':
      if (logical?.type === 'UUID') return supported(DataType.Utf8);
      if (logical === undefined && converted === undefined) return supported(DataType.Binary);
      return refused(DataType.Binary, `${logical?.type ?? converted} is not read yet`);
    default:
      return refused(DataType.Binary, `${logical?.type ?? converted ?? element.type} is not read yet`);
  }
}

/** The old annotation that writers put beside each new one. */
function agree(logical: string, converted: string): boolean {
  switch (logical) {
    case 'STRING':
      return converted === 'UTF8';
    case 'INTEGER':
      return /^U?INT_/.test(converted);
    case 'TIME':
    case 'TIMESTAMP':
      return new RegExp(`^${logical}_M`).test(converted);
    default:
      return converted === logical;
  }
}

function decimalType(element: SchemaElement): MappedType {
  const logical = element.logical_type;
  if (logical?.type === 'DECIMAL' && element.converted_type === 'DECIMAL') {
    const { precision = logical.precision, scale = logical.scale } = element;
    if (precision !== logical.precision || scale !== logical.scale) {
      const told = `DECIMAL(${logical.precision}, ${logical.scale}) and DECIMAL(${precision}, ${scale})`;
      return refused(DataType.Binary, `its annotations ${told} contradict each other`);
    }
  }
  const precision = (logical?.type === 'DECIMAL' ? logical.precision : element.precision) ?? 0;
  const scale = (logical?.type === 'DECIMAL' ? logical.scale : element.scale) ?? 0;
  if (scale === 0 && precision <= 18 && (element.type === 'INT32' || element.type === 'INT64')) {
    return supported(element.type === 'INT32' ? DataType.Int32 : DataType.Int64);
  }
  const digits =
    { INT32: 9, INT64: 18, FIXED_LEN_BYTE_ARRAY: 38, BYTE_ARRAY: 38 }[element.type as string] ?? 0;
  if (isDecimal(precision, scale) && precision <= digits)
    return supported(DataType.Decimal(precision, scale));
  return refused(DataType.Binary, `DECIMAL(${precision}, ${scale}) as ${element.type} is not read`);
}

function int32Type({ converted_type: converted, logical_type: logical }: SchemaElement): MappedType {
  if (converted === 'DATE' || logical?.type === 'DATE') {
    return supported(DataType.Date);
  }
  if (converted === 'TIME_MILLIS' || logical?.type === 'TIME') {
    return supported(DataType.Duration('ms'));
  }
  const bits =
    logical?.type === 'INTEGER' ? logical.bitWidth : Number(/^U?INT_(\d+)$/.exec(converted ?? '')?.[1] ?? 32);
  const unsigned = logical?.type === 'INTEGER' ? !logical.isSigned : (converted ?? '').startsWith('UINT');
  if (bits === 8) {
    return supported(unsigned ? DataType.UInt8 : DataType.Int8);
  }
  if (bits === 16) {
    return supported(unsigned ? DataType.UInt16 : DataType.Int16);
  }
  return supported(unsigned ? DataType.UInt32 : DataType.Int32);
}

const unitOf: Record<'MILLIS' | 'MICROS' | 'NANOS', TimeUnit> = { MILLIS: 'ms', MICROS: 'us', NANOS: 'ns' };

function int64Type({ converted_type: converted, logical_type: logical }: SchemaElement): MappedType {
  if (logical?.type === 'TIMESTAMP') {
    return supported(DataType.Timestamp(unitOf[logical.unit], logical.isAdjustedToUTC ? 'UTC' : null));
  }
  // The old annotations mean UTC, says the format.
  if (converted === 'TIMESTAMP_MILLIS' || converted === 'TIMESTAMP_MICROS') {
    return supported(DataType.Timestamp(converted === 'TIMESTAMP_MILLIS' ? 'ms' : 'us', 'UTC'));
  }
  if (logical?.type === 'TIME' || converted === 'TIME_MICROS') {
    return supported(DataType.Duration(logical?.type === 'TIME' ? unitOf[logical.unit] : 'us'));
  }
  const unsigned = logical?.type === 'INTEGER' ? !logical.isSigned : converted === 'UINT_64';
  return supported(unsigned ? DataType.UInt64 : DataType.Int64);
}

/** @throws UNSUPPORTED naming file and column */
export function requireSupported(column: FileColumn, file: string): void {
  if (column.unsupported !== null) {
    throw new VolleyError(
      'UNSUPPORTED',
      `${file}, column '${column.name}': ${column.unsupported}. Select the other columns to read the rest of the file`,
      { file, column: column.name },
    );
  }
}
