import type { FileHandle } from 'node:fs/promises';
import { VolleyError } from '../../../core/base/errors.js';
import { volleyVersion } from '../../../core/base/version.js';
import type { Batch } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { concatBatches, detachBatch } from '../../kernels/concat.js';
import { Lent } from '../../kernels/lent.js';
import { letGo } from '../../kernels/scratch.js';
import { sliceBatch } from '../../kernels/take.js';
import type { SinkSpec } from '../source.js';
import { loadZstd, packZstd } from '../zstd/zstd.js';
import { arrowSchema, arrowSchemaKey } from './arrow-schema.js';
import { type FileNode, fileNodes, flattened } from './encode.js';
import { requireBloomFilters } from './encode-bloom.js';
import { type Codec, encodeChunk, joined, type WrittenChunk } from './encode-chunk.js';
import { leavesOf } from './encode-shape.js';
import { type ThriftFields, thrift } from './thrift.js';

const magic = Buffer.from('PAR1');

/** @throws UNSUPPORTED for types that cannot be written: call it before anything is made */
export function requireWritable(schema: Schema, { bloomFilters = [] }: SinkSpec): void {
  if (schema.length === 0) {
    throw new VolleyError(
      'UNSUPPORTED',
      'a Parquet file needs at least one column: select some before the sink',
    );
  }
  fileNodes(schema);
  requireBloomFilters(schema, bloomFilters);
}

async function codecOf(compression: SinkSpec['compression']): Promise<Codec> {
  switch (compression) {
    case 'none':
      return { number: 0, pack: page => page };
    case 'snappy':
      return { number: 1, pack: (await import('hysnappy')).snappyCompressor() };
    case 'zstd':
      await loadZstd();
      return { number: 6, pack: packZstd };
  }
}

function writeGroup({ name, kind, children }: FileNode, fields: ThriftFields): void {
  fields.i32(3, kind === 'items' ? 2 : 1);
  fields.binary(4, name);
  fields.i32(5, children.length);
  if (kind !== 'list') return;
  fields.i32(6, 3);
  fields.struct(10, union => union.struct(3, () => {}));
}

interface RowGroup {
  readonly rows: number;
  readonly chunks: readonly WrittenChunk[];
}

/** Writes one Parquet file: row groups of exactly `rowGroupRows`, the last one shorter. Holds one row group in memory. */
export class ParquetFile {
  rows = 0;
  readonly #handle: FileHandle;
  readonly #schema: Schema;
  readonly #nodes: readonly FileNode[];
  readonly #rowGroupRows: number;
  readonly #codec: Codec;
  /** Columns with Bloom filters. */
  readonly #filtered: ReadonlySet<string>;
  readonly #groups: RowGroup[] = [];
  #pending: Batch[] = [];
  #pendingRows = 0;
  #offset = 0;

  private constructor(handle: FileHandle, schema: Schema, spec: SinkSpec, codec: Codec) {
    this.#handle = handle;
    this.#schema = schema;
    this.#nodes = fileNodes(schema);
    this.#rowGroupRows = spec.rowGroupRows;
    this.#codec = codec;
    this.#filtered = new Set(spec.bloomFilters);
  }

  static async open(handle: FileHandle, schema: Schema, spec: SinkSpec): Promise<ParquetFile> {
    const file = new ParquetFile(handle, schema, spec, await codecOf(spec.compression));
    await file.#write([magic]);
    return file;
  }

  async append(batch: Batch): Promise<void> {
    for (let row = 0; row < batch.rows; ) {
      const to = Math.min(batch.rows, row + this.#rowGroupRows - this.#pendingRows);
      const whole = row === 0 && to === batch.rows;
      const part = whole ? batch : sliceBatch(batch, row, to);
      // Slices that are put together need not know all texts of the batches that they are of, nor keep them.
      this.#pending.push(whole || to - row === this.#rowGroupRows ? part : detachBatch(part));
      this.#pendingRows += to - row;
      this.rows += to - row;
      row = to;
      if (this.#pendingRows === this.#rowGroupRows) await this.#writeGroup();
    }
  }

  /** Writes what is left, the page index and the footer. @returns bytes of the file */
  async finish(): Promise<number> {
    if (this.#pendingRows > 0) await this.#writeGroup();
    const all = this.#groups.flatMap(({ chunks }) => chunks);
    for (const kind of ['columnIndex', 'offsetIndex'] as const) {
      for (const chunk of all) {
        chunk[kind].offset = this.#offset;
        await this.#write([chunk[kind].bytes]);
      }
    }
    const footer = this.#footer();
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    await this.#write([footer, length, magic]);
    return this.#offset;
  }

  async #writeGroup(): Promise<void> {
    const whole = new Lent();
    const batch = concatBatches(this.#schema, this.#pending, whole);
    this.#pending = [];
    this.#pendingRows = 0;
    const chunks: WrittenChunk[] = [];
    const filters: [WrittenChunk, Uint8Array][] = [];
    for (const leaf of this.#nodes.flatMap((node, i) => leavesOf(batch.columns[i]!, node))) {
      const filtered = this.#filtered.has(leaf.path[0]!);
      const lent = new Lent();
      const { chunk, parts, bloom } = encodeChunk(leaf, this.#codec, this.#offset, filtered, lent);
      chunks.push(chunk);
      await this.#write([joined(parts, lent)]);
      lent.giveBack();
      if (bloom !== null) filters.push([chunk, bloom]);
    }
    whole.giveBack();
    letGo(chunks.reduce((sum, { uncompressed, compressed }) => sum + uncompressed + compressed, 0));
    for (const [chunk, bloom] of filters) {
      chunk.bloomFilter!.offset = this.#offset;
      await this.#write([bloom]);
    }
    this.#groups.push({ rows: batch.rows, chunks });
  }

  #footer(): Uint8Array {
    return thrift(file => {
      file.i32(1, 2);
      const nodes = this.#nodes.flatMap(flattened);
      file.structs(2, [null, ...nodes], (node, fields) => {
        if (node === null) {
          fields.binary(4, 'schema');
          fields.i32(5, this.#nodes.length);
          return;
        }
        const { element } = node;
        if (element === null) return writeGroup(node, fields);
        fields.i32(1, element.type);
        if (element.length !== undefined) fields.i32(2, element.length);
        fields.i32(3, 1);
        fields.binary(4, element.name);
        if (element.converted !== null) fields.i32(6, element.converted);
        if (element.decimal !== undefined) {
          fields.i32(7, element.decimal.scale);
          fields.i32(8, element.decimal.precision);
        }
        if (element.logical !== null) fields.struct(10, element.logical);
      });
      file.i64(3, this.rows);
      file.structs(4, this.#groups, ({ rows, chunks }, group) => {
        group.structs(1, chunks, (chunk, fields) => chunk.metadata(fields));
        group.i64(
          2,
          chunks.reduce((sum, chunk) => sum + chunk.uncompressed, 0),
        );
        group.i64(3, rows);
        group.i64(5, chunks[0]!.start);
        group.i64(
          6,
          chunks.reduce((sum, chunk) => sum + chunk.compressed, 0),
        );
      });
      const arrow = arrowSchema(this.#schema);
      if (arrow !== null) {
        file.structs(5, [arrow], (value, pair) => {
          pair.binary(1, arrowSchemaKey);
          pair.binary(2, value);
        });
      }
      file.binary(6, `volley version ${volleyVersion}`);
      // Bounds are those of the types' own order: without this readers do not trust them.
      const leaves = nodes.filter(({ kind }) => kind === 'leaf');
      file.structs(7, leaves, (_, order) => order.struct(1, () => {}));
    });
  }

  async #write(parts: readonly Uint8Array[]): Promise<void> {
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    let written = 0;
    while (written < bytes.length) {
      written += (await this.#handle.write(bytes, written, bytes.length - written)).bytesWritten;
    }
    this.#offset += bytes.length;
  }
}
