import type { Builder } from 'flatbuffers';
import { flatbuffers } from '../../../core/base/on-demand.js';
import { DataType, type Schema, type TimeUnit } from '../../column/datatype.js';
import type { Block, BufferPlace } from './message.js';

const units: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns'];
/** MetadataVersion.V5. */
const version = 4;
const kinds = { schema: 1, dictionary: 2, batch: 3 } as const;

/** A table of a flatbuffer: its fields by slot. */
function table(builder: Builder, slots: number, fill: () => void): number {
  builder.startObject(slots);
  fill();
  return builder.endObject();
}

function vectorOf(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4);
  for (const offset of offsets.toReversed()) builder.addOffset(offset);
  return builder.endVector();
}

/** The number of the type in Schema.fbs, and its table. */
function writeType(builder: Builder, type: DataType): [number: number, table: number] {
  const plain = (number: number): [number, number] => [number, table(builder, 0, () => {})];
  switch (type.kind) {
    case 'null':
      return plain(1);
    case 'bool':
      return plain(6);
    case 'binary':
      return plain(4);
    case 'utf8':
      return plain(5);
    case 'list':
      return plain(12);
    case 'struct':
      return plain(13);
    case 'float32':
    case 'float64': {
      const precision = type.kind === 'float32' ? 1 : 2;
      return [3, table(builder, 1, () => builder.addFieldInt16(0, precision, 0))];
    }
    case 'date':
      return [8, table(builder, 1, () => builder.addFieldInt16(0, 0, 1))];
    case 'duration':
      return [18, table(builder, 1, () => builder.addFieldInt16(0, units.indexOf(type.unit), 1))];
    case 'timestamp': {
      const zone = type.timeZone === null ? 0 : builder.createString(type.timeZone);
      return [
        10,
        table(builder, 2, () => {
          builder.addFieldInt16(0, units.indexOf(type.unit), 0);
          builder.addFieldOffset(1, zone, 0);
        }),
      ];
    }
    case 'decimal':
      return [
        7,
        table(builder, 3, () => {
          builder.addFieldInt32(0, type.precision, 0);
          builder.addFieldInt32(1, type.scale, 0);
          builder.addFieldInt32(2, 128, 128);
        }),
      ];
    default: {
      const bits = Number(/\d+$/.exec(type.kind)![0]);
      const signed = type.kind.startsWith('int') ? 1 : 0;
      return [
        2,
        table(builder, 2, () => {
          builder.addFieldInt32(0, bits, 0);
          builder.addFieldInt8(1, signed, 0);
        }),
      ];
    }
  }
}

/** `dictionary`: the id of that which its values are codes of, 32-bit integers; -1: none. */
function writeField(builder: Builder, name: string, type: DataType, dictionary = -1): number {
  const inner = type.kind === 'list' ? [{ name: 'item', type: type.item }] : [];
  const children = type.kind === 'struct' ? type.fields : inner;
  const parts = vectorOf(
    builder,
    children.map(child => writeField(builder, child.name, child.type)),
  );
  const [number, own] = writeType(builder, type);
  const text = builder.createString(name);
  const encoding = dictionary < 0 ? 0 : writeEncoding(builder, dictionary);
  return table(builder, 7, () => {
    builder.addFieldOffset(0, text, 0);
    builder.addFieldInt8(1, 1, 0);
    builder.addFieldInt8(2, number, 0);
    builder.addFieldOffset(3, own, 0);
    builder.addFieldOffset(4, encoding, 0);
    builder.addFieldOffset(5, parts, 0);
  });
}

function writeEncoding(builder: Builder, id: number): number {
  const [, codes] = writeType(builder, DataType.Int32);
  return table(builder, 4, () => {
    builder.addFieldInt64(0, BigInt(id), 0n);
    builder.addFieldOffset(1, codes, 0);
  });
}

/** `coded`: columns that are codes; their place is the id of their dictionary. */
function writeSchema(builder: Builder, schema: Schema, coded: ReadonlySet<string>): number {
  const fields = vectorOf(
    builder,
    schema.map(({ name, type }, c) => writeField(builder, name, type, coded.has(name) ? c : -1)),
  );
  return table(builder, 4, () => builder.addFieldOffset(1, fields, 0));
}

/** The message in its frame: a mark, the length, the metadata, and zeros up to a multiple of 8. */
function framed(builder: Builder, kind: keyof typeof kinds, header: number, bodyBytes: number): Uint8Array {
  const message = table(builder, 5, () => {
    builder.addFieldInt16(0, version, 0);
    builder.addFieldInt8(1, kinds[kind], 0);
    builder.addFieldOffset(2, header, 0);
    builder.addFieldInt64(3, BigInt(bodyBytes), 0n);
  });
  builder.finish(message);
  const metadata = builder.asUint8Array();
  const length = Math.ceil(metadata.length / 8) * 8;
  const out = new Uint8Array(8 + length);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0xffffffff, true);
  view.setInt32(4, length, true);
  out.set(metadata, 8);
  return out;
}

export function schemaMessage(schema: Schema, coded: ReadonlySet<string>): Uint8Array {
  const builder = new (flatbuffers().Builder)();
  return framed(builder, 'schema', writeSchema(builder, schema, coded), 0);
}

/** What a message tells of its body. */
export type MessageBody = [
  nodes: readonly { readonly length: number; readonly nullCount: number }[],
  buffers: readonly BufferPlace[],
  compression: 'none' | 'lz4' | 'zstd',
  bodyBytes: number,
];

/** What stands in front of the body of a record batch. */
export function batchMessage(rows: number, ...body: MessageBody): Uint8Array {
  const builder = new (flatbuffers().Builder)();
  return framed(builder, 'batch', writeBatch(builder, rows, body), body[3]);
}

/** What stands in front of the body of a whole dictionary. */
export function dictionaryMessage(id: number, entries: number, ...body: MessageBody): Uint8Array {
  const builder = new (flatbuffers().Builder)();
  const batch = writeBatch(builder, entries, body);
  const header = table(builder, 3, () => {
    builder.addFieldInt64(0, BigInt(id), 0n);
    builder.addFieldOffset(1, batch, 0);
  });
  return framed(builder, 'dictionary', header, body[3]);
}

function writeBatch(builder: Builder, rows: number, [nodes, buffers, compression]: MessageBody): number {
  const pairs = (all: readonly (readonly [number, number])[]) => {
    builder.startVector(16, all.length, 8);
    for (const [first, second] of all.toReversed()) {
      builder.addInt64(BigInt(second));
      builder.addInt64(BigInt(first));
    }
    return builder.endVector();
  };
  const nodeVector = pairs(nodes.map(({ length, nullCount }) => [length, nullCount]));
  const bufferVector = pairs(buffers.map(({ offset, length }) => [offset, length]));
  const packed =
    compression === 'none'
      ? 0
      : table(builder, 2, () => builder.addFieldInt8(0, compression === 'lz4' ? 0 : 1, 0));
  return table(builder, 5, () => {
    builder.addFieldInt64(0, BigInt(rows), 0n);
    builder.addFieldOffset(1, nodeVector, 0);
    builder.addFieldOffset(2, bufferVector, 0);
    builder.addFieldOffset(3, packed, 0);
  });
}

export function footer(
  schema: Schema,
  coded: ReadonlySet<string>,
  dictionaries: readonly Block[],
  batches: readonly Block[],
): Uint8Array {
  const builder = new (flatbuffers().Builder)();
  const own = writeSchema(builder, schema, coded);
  const blocks = (all: readonly Block[]) => {
    builder.startVector(24, all.length, 8);
    for (const { start, metadata, body } of all.toReversed()) {
      builder.prep(8, 24);
      builder.writeInt64(BigInt(body));
      builder.pad(4);
      builder.writeInt32(metadata);
      builder.writeInt64(BigInt(start));
    }
    return builder.endVector();
  };
  // Some readers want the vector even where it is empty.
  const dictionaryBlocks = blocks(dictionaries);
  const recordBatches = blocks(batches);
  const root = table(builder, 5, () => {
    builder.addFieldInt16(0, version, 0);
    builder.addFieldOffset(1, own, 0);
    builder.addFieldOffset(2, dictionaryBlocks, 0);
    builder.addFieldOffset(3, recordBatches, 0);
  });
  builder.finish(root);
  return builder.asUint8Array();
}
