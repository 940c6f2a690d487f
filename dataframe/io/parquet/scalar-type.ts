import { DataType, isDecimal, type TimeUnit } from '../../column/datatype.js';
import type { SchemaElement } from './metadata.js';

export interface MappedType {
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
export function agree(logical: string, converted: string): boolean {
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
