import { arrowSchemaKey } from './arrow-schema.js';
import { type StructForm, ThriftReader } from './thrift-read.js';

export type ParquetType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'INT96'
  | 'FLOAT'
  | 'DOUBLE'
  | 'BYTE_ARRAY'
  | 'FIXED_LEN_BYTE_ARRAY';
export type CompressionCodec = (typeof codecs)[number];
export type Encoding = (typeof encodings)[number];

/** A node of the schema: of the tree in preorder. */
export interface SchemaElement {
  readonly name: string;
  readonly type?: ParquetType;
  readonly type_length?: number;
  readonly repetition_type?: (typeof repetitions)[number];
  readonly num_children?: number;
  readonly converted_type?: string;
  readonly logical_type?: LogicalType;
  readonly scale?: number;
  readonly precision?: number;
}

export type LogicalType =
  | { readonly type: 'DECIMAL'; readonly scale: number; readonly precision: number }
  | {
      readonly type: 'TIME' | 'TIMESTAMP';
      readonly isAdjustedToUTC: boolean;
      readonly unit: 'MILLIS' | 'MICROS' | 'NANOS';
    }
  | { readonly type: 'INTEGER'; readonly bitWidth: number; readonly isSigned: boolean }
  | {
      readonly type:
        | 'STRING'
        | 'ENUM'
        | 'LIST'
        | 'MAP'
        | 'DATE'
        | 'JSON'
        | 'BSON'
        | 'UUID'
        | 'NULL'
        | 'FLOAT16';
    };

/** The footer of a file, as far as it is looked at. */
export interface FileMetaData {
  readonly schema: SchemaElement[];
  readonly num_rows: number;
  readonly row_groups: readonly RowGroup[];
  /** What is under `ARROW:schema`, in base64. */
  readonly arrowSchema: string | null;
}

export interface RowGroup {
  readonly columns: readonly ColumnChunk[];
  readonly total_byte_size: number;
  readonly num_rows: number;
}

export interface ColumnChunk {
  readonly meta_data?: ColumnMetaData;
  readonly offset_index_offset?: number;
  readonly offset_index_length?: number;
  readonly column_index_offset?: number;
  readonly column_index_length?: number;
}

export interface ColumnMetaData {
  readonly type: ParquetType;
  readonly path_in_schema: readonly string[];
  readonly codec: CompressionCodec;
  readonly num_values: number;
  readonly total_uncompressed_size: number;
  readonly total_compressed_size: number;
  readonly data_page_offset: number;
  readonly dictionary_page_offset?: number;
  readonly statistics?: Statistics;
  readonly bloom_filter_offset?: number;
  readonly bloom_filter_length?: number;
}

/** Bounds are PLAIN values. `max`, `min`: the deprecated ones. */
export interface Statistics {
  readonly max?: Uint8Array;
  readonly min?: Uint8Array;
  readonly null_count?: number;
  readonly max_value?: Uint8Array;
  readonly min_value?: Uint8Array;
}

export interface PageHeader {
  readonly type: 'DATA_PAGE' | 'INDEX_PAGE' | 'DICTIONARY_PAGE' | 'DATA_PAGE_V2';
  readonly uncompressed_page_size: number;
  readonly compressed_page_size: number;
  readonly crc?: number;
  readonly data_page_header?: {
    readonly num_values: number;
    readonly encoding: Encoding;
    readonly definition_level_encoding: Encoding;
    readonly repetition_level_encoding: Encoding;
  };
  readonly dictionary_page_header?: { readonly num_values: number; readonly encoding: Encoding };
  readonly data_page_header_v2?: {
    readonly num_values: number;
    readonly encoding: Encoding;
    readonly definition_levels_byte_length: number;
    readonly repetition_levels_byte_length: number;
    readonly is_compressed?: boolean;
  };
}

const types: readonly ParquetType[] = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
];
const repetitions = ['REQUIRED', 'OPTIONAL', 'REPEATED'] as const;
const converted =
  'UTF8 MAP MAP_KEY_VALUE LIST ENUM DECIMAL DATE TIME_MILLIS TIME_MICROS TIMESTAMP_MILLIS TIMESTAMP_MICROS UINT_8 UINT_16 UINT_32 UINT_64 INT_8 INT_16 INT_32 INT_64 JSON BSON INTERVAL'.split(
    ' ',
  );
const codecs = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'] as const;
const encodings = [
  'PLAIN',
  'GROUP_VAR_INT',
  'PLAIN_DICTIONARY',
  'RLE',
  'BIT_PACKED',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
] as const;
const pageTypes = ['DATA_PAGE', 'INDEX_PAGE', 'DICTIONARY_PAGE', 'DATA_PAGE_V2'] as const;

const none: { struct: StructForm } = { struct: {} };
const unit: StructForm = { 1: ['MILLIS', none], 2: ['MICROS', none], 3: ['NANOS', none] };
const instant: { struct: StructForm } = {
  struct: { 1: ['isAdjustedToUTC!', 'bool'], 2: ['unit!', { struct: unit }] },
};
const logicalForm: StructForm = {
  1: ['STRING', none],
  2: ['MAP', none],
  3: ['LIST', none],
  4: ['ENUM', none],
  5: ['DECIMAL', { struct: { 1: ['scale!', 'i32'], 2: ['precision!', 'i32'] } }],
  6: ['DATE', none],
  7: ['TIME', instant],
  8: ['TIMESTAMP', instant],
  10: ['INTEGER', { struct: { 1: ['bitWidth!', 'byte'], 2: ['isSigned!', 'bool'] } }],
  11: ['NULL', none],
  12: ['JSON', none],
  13: ['BSON', none],
  14: ['UUID', none],
  15: ['FLOAT16', none],
  16: ['VARIANT', none],
  17: ['GEOMETRY', none],
  18: ['GEOGRAPHY', none],
};
const elementForm: StructForm = {
  1: ['type', 'i32'],
  2: ['type_length', 'i32'],
  3: ['repetition_type', 'i32'],
  4: ['name!', 'text'],
  5: ['num_children', 'i32'],
  6: ['converted_type', 'i32'],
  7: ['scale', 'i32'],
  8: ['precision', 'i32'],
  10: ['logical_type', { struct: logicalForm }],
};
const statisticsForm: StructForm = {
  1: ['max', 'binary'],
  2: ['min', 'binary'],
  3: ['null_count', 'i64'],
  5: ['max_value', 'binary'],
  6: ['min_value', 'binary'],
};
const columnForm: StructForm = {
  1: ['type!', 'i32'],
  2: ['encodings!', { list: 'i32' }],
  3: ['path_in_schema!', { list: 'text' }],
  4: ['codec!', 'i32'],
  5: ['num_values!', 'i64'],
  6: ['total_uncompressed_size!', 'i64'],
  7: ['total_compressed_size!', 'i64'],
  9: ['data_page_offset!', 'i64'],
  11: ['dictionary_page_offset', 'i64'],
  12: ['statistics', { struct: statisticsForm }],
  14: ['bloom_filter_offset', 'i64'],
  15: ['bloom_filter_length', 'i32'],
};
const groupForm: StructForm = {
  1: [
    'columns!',
    {
      list: {
        struct: {
          1: ['file_path', 'text'],
          3: ['meta_data', { struct: columnForm }],
          4: ['offset_index_offset', 'i64'],
          5: ['offset_index_length', 'i32'],
          6: ['column_index_offset', 'i64'],
          7: ['column_index_length', 'i32'],
          8: ['crypto', none],
        },
      },
    },
  ],
  2: ['total_byte_size!', 'i64'],
  3: ['num_rows!', 'i64'],
};
const footerForm: StructForm = {
  1: ['version!', 'i32'],
  2: ['schema!', { list: { struct: elementForm } }],
  3: ['num_rows!', 'i64'],
  4: ['row_groups!', { list: { struct: groupForm } }],
  5: ['pairs', { list: { struct: { 1: ['key!', 'binary'], 2: ['value', 'binary'] } } }],
  8: ['encryption', none],
};
const pageForm: StructForm = {
  1: ['type!', 'i32'],
  2: ['uncompressed_page_size!', 'i32'],
  3: ['compressed_page_size!', 'i32'],
  4: ['crc', 'i32'],
  5: [
    'data_page_header',
    {
      struct: {
        1: ['num_values!', 'i32'],
        2: ['encoding!', 'i32'],
        3: ['definition_level_encoding!', 'i32'],
        4: ['repetition_level_encoding!', 'i32'],
      },
    },
  ],
  7: ['dictionary_page_header', { struct: { 1: ['num_values!', 'i32'], 2: ['encoding!', 'i32'] } }],
  8: [
    'data_page_header_v2',
    {
      struct: {
        1: ['num_values!', 'i32'],
        2: ['num_nulls!', 'i32'],
        3: ['num_rows!', 'i32'],
        4: ['encoding!', 'i32'],
        5: ['definition_levels_byte_length!', 'i32'],
        6: ['repetition_levels_byte_length!', 'i32'],
        7: ['is_compressed', 'bool'],
      },
    },
  ],
};

type Fields = Record<string, unknown>;

function named<T extends string>(list: readonly T[], number: unknown, what: string): T {
  const name = list[number as number];
  if (name === undefined) throw new RangeError(`${what} ${number} is not known`);
  return name;
}

/** Parses the bytes of a footer. @throws RangeError, TypeError */
export function readMetadata(bytes: Uint8Array): FileMetaData {
  const reader = new ThriftReader(bytes, 0);
  const file = reader.struct(footerForm);
  if (file.encryption !== undefined) throw new RangeError('encrypted files are not read');
  const groups = file.row_groups as Fields[];
  for (const { columns } of groups as { columns: Fields[] }[]) {
    for (const column of columns) {
      if (column.crypto !== undefined) throw new RangeError('encrypted columns are not read');
      if (column.file_path !== undefined) throw new RangeError('its pages are in another file');
      const data = column.meta_data as Fields | undefined;
      if (data === undefined) continue;
      data.type = named(types, data.type, 'type');
      data.codec = named(codecs, data.codec, 'compression');
    }
  }
  const schema = (file.schema as Fields[]).map(element);
  const arrowSchema = valueUnder((file.pairs ?? []) as Fields[], arrowSchemaKey);
  const num_rows = file.num_rows as number;
  return { schema, num_rows, row_groups: groups as unknown as RowGroup[], arrowSchema };
}

function valueUnder(pairs: readonly Fields[], key: string): string | null {
  const textOf = (bytes: unknown) => Buffer.from(bytes as Uint8Array).toString('latin1');
  const found = pairs.find(pair => textOf(pair.key) === key)?.value;
  return found === undefined ? null : textOf(found);
}

function element(fields: Fields): SchemaElement {
  const optional = (name: string, list: readonly string[]) => {
    if (fields[name] !== undefined) fields[name] = named(list, fields[name], name);
  };
  optional('type', types);
  optional('repetition_type', repetitions);
  optional('converted_type', converted);
  const [logical] = Object.entries((fields.logical_type as Fields | undefined) ?? {});
  delete fields.logical_type;
  if (logical !== undefined) {
    const [type, rest] = logical as [string, Fields];
    const units = rest.unit === undefined ? {} : { unit: Object.keys(rest.unit as Fields)[0] };
    fields.logical_type = { type, ...rest, ...units };
  }
  return fields as unknown as SchemaElement;
}

/** Parses the header of a page at `position`. @throws RangeError */
export function readPageHeader(bytes: Uint8Array, position: number): { header: PageHeader; end: number } {
  const reader = new ThriftReader(bytes, position);
  const page = reader.struct(pageForm);
  page.type = named(pageTypes, page.type, 'page type');
  for (const name of ['data_page_header', 'dictionary_page_header', 'data_page_header_v2']) {
    const part = page[name] as Fields | undefined;
    if (part === undefined) continue;
    for (const key of ['encoding', 'definition_level_encoding', 'repetition_level_encoding']) {
      if (part[key] !== undefined) part[key] = named(encodings, part[key], 'encoding');
    }
  }
  return { header: page as unknown as PageHeader, end: reader.position };
}
