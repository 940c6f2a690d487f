import { VolleyError } from '../../core/base/errors.js';

/** Logical types. Plain data: they travel in plan fragments. */
export type DataType =
  | { readonly kind: 'null' }
  | { readonly kind: 'bool' }
  | { readonly kind: IntegerKind }
  | { readonly kind: 'float32' | 'float64' }
  | { readonly kind: 'utf8' | 'binary' }
  /** Days since 1970-01-01. */
  | { readonly kind: 'date' }
  /** Units since 1970-01-01T00:00Z; timeZone null: local wall time. */
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly timeZone: string | null }
  | { readonly kind: 'duration'; readonly unit: TimeUnit }
  /** Exact: an integer of `precision` digits (1 to 38), `scale` of them behind the point. */
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly item: DataType }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] };

export type IntegerKind = 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'uint16' | 'uint32' | 'uint64';
export type TimeUnit = 's' | 'ms' | 'us' | 'ns';

export interface Field {
  readonly name: string;
  readonly type: DataType;
}
export type Schema = readonly Field[];

/** The most digits a decimal can have: those that fit 128 bits. */
export const maxPrecision = 38;

/** True where there is a type Decimal(precision, scale). */
export function isDecimal(precision: number, scale: number): boolean {
  const fits = Number.isInteger(precision) && precision >= 1 && precision <= maxPrecision;
  return fits && Number.isInteger(scale) && scale >= 0 && scale <= precision;
}

/** The public names: `DataType.Int64`, `DataType.Timestamp('us', 'UTC')`. */
export const DataType = {
  Null: { kind: 'null' } as DataType,
  Bool: { kind: 'bool' } as DataType,
  Int8: { kind: 'int8' } as DataType,
  Int16: { kind: 'int16' } as DataType,
  Int32: { kind: 'int32' } as DataType,
  Int64: { kind: 'int64' } as DataType,
  UInt8: { kind: 'uint8' } as DataType,
  UInt16: { kind: 'uint16' } as DataType,
  UInt32: { kind: 'uint32' } as DataType,
  UInt64: { kind: 'uint64' } as DataType,
  Float32: { kind: 'float32' } as DataType,
  Float64: { kind: 'float64' } as DataType,
  Utf8: { kind: 'utf8' } as DataType,
  Binary: { kind: 'binary' } as DataType,
  Date: { kind: 'date' } as DataType,
  Timestamp: (unit: TimeUnit = 'us', timeZone: string | null = null): DataType => ({
    kind: 'timestamp',
    unit,
    timeZone,
  }),
  Duration: (unit: TimeUnit = 'us'): DataType => ({ kind: 'duration', unit }),
  /** `precision` digits, 1 to 38, of which `scale` are behind the point. @throws INVALID_ARGUMENT */
  Decimal: (precision: number, scale: number): DataType => {
    if (isDecimal(precision, scale)) return { kind: 'decimal', precision, scale };
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `Decimal(${precision}, ${scale}): a decimal has 1 to ${maxPrecision} digits, of which 0 to all are behind the point`,
      { precision, scale },
    );
  },
  List: (item: DataType): DataType => ({ kind: 'list', item }),
  Struct: (fields: Readonly<Record<string, DataType>>): DataType => ({
    kind: 'struct',
    fields: Object.entries(fields).map(([name, type]) => ({ name, type })),
  }),
};

/** `Int64`, `Timestamp(us, UTC)`: for messages, explain and equality. */
export function formatType(type: DataType): string {
  switch (type.kind) {
    case 'timestamp':
      return `Timestamp(${type.unit}${type.timeZone === null ? '' : `, ${type.timeZone}`})`;
    case 'duration':
      return `Duration(${type.unit})`;
    case 'decimal':
      return `Decimal(${type.precision}, ${type.scale})`;
    case 'list':
      return `List(${formatType(type.item)})`;
    case 'struct':
      return `Struct(${type.fields.map(f => `${f.name}: ${formatType(f.type)}`).join(', ')})`;
    case 'utf8':
    case 'bool':
    case 'date':
    case 'null':
    case 'binary':
      return type.kind.charAt(0).toUpperCase() + type.kind.slice(1);
    default:
      return type.kind.replace(/^u?int|^float/, m => ({ int: 'Int', uint: 'UInt', float: 'Float' })[m] ?? m);
  }
}

export function sameType(a: DataType, b: DataType): boolean {
  return a === b || (a.kind === b.kind && (isPlainType(a) || formatType(a) === formatType(b)));
}

/** Its kind says all. */
export function isPlainType({ kind }: DataType): boolean {
  switch (kind) {
    case 'timestamp':
    case 'duration':
    case 'decimal':
    case 'list':
    case 'struct':
      return false;
    default:
      return true;
  }
}
