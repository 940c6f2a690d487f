import { limits } from '../../../core/base/limits.js';
import { FlatTable, safeInt64 } from './flatbuffer.js';

/** Bytes [offset, offset + length) of a body. */
export interface BufferPlace {
  readonly offset: number;
  readonly length: number;
}

/** What a RecordBatch table says, its places checked against the body. */
export interface BatchHeader {
  readonly rows: number;
  readonly nodes: readonly { readonly length: number; readonly nullCount: number }[];
  readonly buffers: readonly BufferPlace[];
  readonly compression: 'none' | 'lz4' | 'zstd';
  /** Buffers with bytes of each column of views. */
  readonly variadic: readonly number[];
}

export type Message =
  | { readonly kind: 'schema'; readonly schema: FlatTable; readonly bodyBytes: number }
  | { readonly kind: 'batch'; readonly batch: BatchHeader; readonly bodyBytes: number }
  | {
      readonly kind: 'dictionary';
      readonly id: number;
      readonly isDelta: boolean;
      readonly batch: BatchHeader;
      readonly bodyBytes: number;
    };

/** Messages of version 4 and 5: all that were written since 2017. */
function requireVersion(version: number): void {
  if (version !== 3 && version !== 4) {
    throw new RangeError(`its metadata is of version ${version + 1}: versions 4 and 5 are read`);
  }
}

/** The metadata of one message. @throws RangeError */
export function readMessage(metadata: Uint8Array): Message {
  const message = FlatTable.root(metadata);
  requireVersion(message.int16(0, 0));
  message.checkPairs(4);
  const type = message.uint8(1, 0);
  const header = message.table(2);
  const bodyBytes = message.int64(3, 0);
  if (header === null || bodyBytes < 0) throw new RangeError('a message without header or of negative size');
  if (type === 1) return { kind: 'schema', schema: header, bodyBytes };
  if (type === 3) return { kind: 'batch', batch: readBatch(header, bodyBytes), bodyBytes };
  if (type !== 2) throw new RangeError(`a message of type ${type}, which is no table's`);
  const data = header.table(1);
  if (data === null) throw new RangeError('a dictionary without entries');
  const batch = readBatch(data, bodyBytes);
  return { kind: 'dictionary', id: header.int64(0, 0), isDelta: header.bool(2), batch, bodyBytes };
}

function readBatch(table: FlatTable, bodyBytes: number): BatchHeader {
  const rows = table.int64(0, 0);
  if (rows < 0 || rows > limits.ipcBatchRows) {
    throw new RangeError(`a record batch of ${rows} rows: at most ${limits.ipcBatchRows} are read`);
  }
  const nodes = table.structs(1, 16, (view, at) => {
    const length = safeInt64(view, at);
    const nullCount = safeInt64(view, at + 8);
    if (length < 0 || length > limits.ipcBatchRows || nullCount < 0 || nullCount > length) {
      throw new RangeError(`a column of ${length} values, ${nullCount} of them null`);
    }
    return { length, nullCount };
  });
  const buffers = table.structs(2, 16, (view, at) => {
    const offset = safeInt64(view, at);
    const length = safeInt64(view, at + 8);
    if (offset < 0 || length < 0 || offset + length > bodyBytes) {
      throw new RangeError(`a buffer at ${offset} of ${length} bytes in a body of ${bodyBytes}`);
    }
    return { offset, length };
  });
  const variadic = table.structs(4, 8, (view, at) => safeInt64(view, at));
  if (variadic.some(count => count < 0 || count > buffers.length)) {
    throw new RangeError('a column of more buffers than there are');
  }
  return { rows, nodes, buffers, compression: compressionOf(table.table(3)), variadic };
}

function compressionOf(table: FlatTable | null): BatchHeader['compression'] {
  if (table === null) return 'none';
  const codec = table.uint8(0, 0);
  if (table.uint8(1, 0) !== 0 || codec > 1) throw new RangeError(`buffers of compression ${codec}`);
  return codec === 0 ? 'lz4' : 'zstd';
}

/** Where a message lies: `metadata` bytes, the prefix included, then its body. */
export interface Block {
  readonly start: number;
  readonly metadata: number;
  readonly body: number;
}

export interface Footer {
  readonly schema: FlatTable;
  readonly dictionaries: readonly Block[];
  readonly batches: readonly Block[];
}

/** The footer of a file whose messages end before `end`. @throws RangeError */
export function readFooterTable(bytes: Uint8Array, end: number): Footer {
  const footer = FlatTable.root(bytes);
  requireVersion(footer.int16(0, 0));
  footer.checkPairs(4);
  const schema = footer.table(1);
  if (schema === null) throw new RangeError('its footer has no schema');
  const block = (view: DataView, at: number): Block => {
    const start = safeInt64(view, at);
    const metadata = view.getInt32(at + 8, true);
    const body = safeInt64(view, at + 16);
    if (start < 0 || metadata < 8 || body < 0 || start + metadata + body > end) {
      throw new RangeError(`its footer has a message at ${start} of ${metadata} and ${body} bytes`);
    }
    if (metadata > limits.ipcMetadataBytes)
      throw new RangeError(`a message of ${metadata} bytes of metadata`);
    return { start, metadata, body };
  };
  return { schema, dictionaries: footer.structs(2, 24, block), batches: footer.structs(3, 24, block) };
}

/** The metadata of a message behind its prefix: a mark and its length, or, until 2019, only that. */
export function metadataOf(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const marked = view.getUint32(0, true) === continuation;
  const from = marked ? 8 : 4;
  const length = view.getInt32(from - 4, true);
  if (length < 0 || from + length > bytes.length) {
    throw new RangeError(`a message of ${length} bytes of metadata in ${bytes.length}`);
  }
  return bytes.subarray(from, from + length);
}

export const continuation = 0xffffffff;
