import { bitmapBytes } from '../../column/bitmap.js';
import type { Batch, Column } from '../../column/column.js';
import { decimalWords } from '../../column/decimal-entries.js';
import { bitsOf, wordsOf, writtenOut } from '../../column/written.js';
import { packZstd } from '../zstd/zstd.js';
import { batchMessage, dictionaryMessage, type MessageBody } from './flatwrite.js';
import { packLz4 } from './lz4.js';
import type { BufferPlace } from './message.js';

export type IpcCompression = 'none' | 'lz4' | 'zstd';

/** Every buffer begins at a multiple of this: a cache line, as Arrow recommends. */
const alignment = 64;
const none = new Uint8Array(0);

interface Parts {
  readonly nodes: { length: number; nullCount: number }[];
  readonly buffers: Uint8Array[];
}

/** A message: what stands in front, and the pieces of its body. */
export interface EncodedMessage {
  readonly metadata: Uint8Array;
  readonly body: readonly Uint8Array[];
  readonly bodyBytes: number;
}

/** A record batch; of columns with `codes`, by their place, these are written. */
export function encodeBatch(
  { rows, columns }: Batch,
  compression: IpcCompression,
  codes: ReadonlyMap<number, Int32Array>,
): EncodedMessage {
  const parts: Parts = { nodes: [], buffers: [] };
  columns.forEach((column, c) => {
    const own = codes.get(c);
    if (own === undefined) addColumn(column, parts);
    else addCodes(column, own, parts);
  });
  return encoded(parts, compression, (...body) => batchMessage(rows, ...body));
}

/** A dictionary: its entries are a column. */
export function encodeDictionary(id: number, entries: Column, compression: IpcCompression): EncodedMessage {
  const parts: Parts = { nodes: [], buffers: [] };
  addColumn(entries, parts);
  return encoded(parts, compression, (...body) => dictionaryMessage(id, entries.length, ...body));
}

function encoded(
  parts: Parts,
  compression: IpcCompression,
  message: (...body: MessageBody) => Uint8Array,
): EncodedMessage {
  const places: BufferPlace[] = [];
  const body: Uint8Array[] = [];
  let offset = 0;
  for (const raw of parts.buffers) {
    const bytes = packed(raw, compression);
    places.push({ offset, length: bytes.length });
    const padding = -bytes.length & (alignment - 1);
    if (bytes.length > 0) body.push(bytes);
    if (padding > 0) body.push(new Uint8Array(padding));
    offset += bytes.length + padding;
  }
  return { metadata: message(parts.nodes, places, compression, offset), body, bodyBytes: offset };
}

function addCodes({ length, nullCount, validity }: Column, codes: Int32Array, parts: Parts): void {
  parts.nodes.push({ length, nullCount });
  parts.buffers.push(validity === null ? none : validity.subarray(0, bitmapBytes(length)), bytesOf(codes));
}

function addColumn(column: Column, parts: Parts): void {
  const { type, length, nullCount, validity } = column;
  parts.nodes.push({ length, nullCount });
  if (type.kind === 'null') return;
  parts.buffers.push(validity === null ? none : validity.subarray(0, bitmapBytes(length)));
  if (column.fields !== undefined) {
    for (const field of column.fields) addColumn(field, parts);
  } else if (column.items !== undefined) {
    parts.buffers.push(bytesOf(column.values));
    addColumn(column.items, parts);
  } else if (type.kind === 'utf8' || type.kind === 'binary') {
    const { offsets, bytes } = writtenOut(column);
    parts.buffers.push(bytesOf(offsets), bytes);
  } else parts.buffers.push(valueBytes(column));
}

function valueBytes(column: Column): Uint8Array {
  const { type, values, length } = column;
  switch (type.kind) {
    case 'bool':
      return bitsOf(values, length);
    case 'int64':
    case 'uint64':
    case 'timestamp':
    case 'duration':
      return bytesOf(wordsOf(column));
    case 'decimal':
      return bytesOf(decimalWords(column));
    default:
      return bytesOf(values);
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Its size in front; -1 where packing does not make it smaller. Empty buffers stay empty. */
function packed(raw: Uint8Array, compression: IpcCompression): Uint8Array {
  if (compression === 'none' || raw.length === 0) return raw;
  const smaller = compression === 'lz4' ? packLz4(raw) : packZstd(raw);
  const worth = smaller.length < raw.length;
  const out = new Uint8Array(8 + (worth ? smaller.length : raw.length));
  new DataView(out.buffer).setBigInt64(0, worth ? BigInt(raw.length) : -1n, true);
  out.set(worth ? smaller : raw, 8);
  return out;
}
