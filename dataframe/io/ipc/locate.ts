import { bitmapBytes } from '../../column/bitmap.js';
import type { BatchHeader, BufferPlace } from './message.js';
import type { IpcField } from './schema.js';

/** A field of one record batch: how many values it has there, and where. */
export interface Located {
  readonly field: IpcField;
  readonly length: number;
  readonly nullCount: number;
  readonly buffers: readonly BufferPlace[];
  readonly children: readonly Located[];
}

/**
 * Where each field of a record batch lies: nodes and buffers come in the order of the fields, depth first. Counts, and
 * what buffers that are not compressed must hold at least, are checked here, before the first of them is read.
 * @throws RangeError
 */
export function locateFields(fields: readonly IpcField[], header: BatchHeader): Located[] {
  const next = { node: 0, buffer: 0, variadic: 0 };
  const located = fields.map(field => locate(field, header, next));
  if (next.node !== header.nodes.length || next.buffer !== header.buffers.length) {
    throw new RangeError(
      `a record batch of ${header.nodes.length} columns and ${header.buffers.length} buffers, ` +
        `where its schema has ${next.node} and ${next.buffer}`,
    );
  }
  for (const { field, length } of located) {
    if (length !== header.rows) {
      throw new RangeError(`column '${field.name}' has ${length} values in a batch of ${header.rows} rows`);
    }
  }
  return located;
}

function locate(
  field: IpcField,
  header: BatchHeader,
  next: { node: number; buffer: number; variadic: number },
): Located {
  const node = header.nodes[next.node++];
  if (node === undefined) throw new RangeError(`a record batch ends before column '${field.name}'`);
  let count = bufferCount(field);
  if (field.layout.kind === 'view') {
    const more = header.variadic[next.variadic++];
    if (more === undefined)
      throw new RangeError(`column '${field.name}' does not tell how many buffers it has`);
    count += more;
  }
  const buffers = header.buffers.slice(next.buffer, next.buffer + count);
  next.buffer += count;
  if (buffers.length < count) throw new RangeError(`a record batch ends before column '${field.name}'`);
  const located: Located = {
    field,
    ...node,
    buffers,
    children: field.children.map(child => locate(child, header, next)),
  };
  if (field.layout.kind !== 'refused') {
    requireChildren(located);
    if (header.compression === 'none') requireBuffers(located);
  }
  return located;
}

function bufferCount({ layout }: IpcField): number {
  switch (layout.kind) {
    case 'null':
      return 0;
    case 'struct':
    case 'fixedList':
      return 1;
    case 'bytes':
      return 3;
    case 'refused':
      return layout.buffers;
    default:
      return 2;
  }
}

function requireChildren({ field, length, children }: Located): void {
  const { layout, name } = field;
  const child = children[0]?.length ?? 0;
  const items = layout.kind === 'fixedList' ? length * layout.size : child;
  const bad = layout.kind === 'struct' ? children.some(each => each.length !== length) : items !== child;
  if (bad) throw new RangeError(`column '${name}' of ${length} values has parts of ${child}`);
}

function requireBuffers({ field, length, nullCount, buffers }: Located): void {
  buffers.forEach((buffer, i) => {
    const least = leastBytes(field, length, nullCount, i);
    if (buffer.length < least) {
      throw new RangeError(
        `column '${field.name}': ${length} values in a buffer of ${buffer.length} bytes, at least ${least} belong there`,
      );
    }
  });
}

/** Bytes that buffer `i` of a field must hold at least; those whose size the values tell are looked at later. */
export function leastBytes({ layout, type }: IpcField, length: number, nullCount: number, i: number): number {
  if (layout.kind === 'null' || layout.kind === 'refused') return 0;
  if (i === 0) return nullCount === 0 ? 0 : bitmapBytes(length);
  if (i > 1 || length === 0) return 0;
  switch (layout.kind) {
    case 'bool':
      return bitmapBytes(length);
    case 'plain':
      return length * plainBytes(type.kind);
    case 'words':
      return length * 8;
    case 'narrow':
      return length * 4;
    case 'half':
      return length * 2;
    case 'view':
      return length * 16;
    case 'decimal':
    case 'codes':
      return (length * layout.bits) / 8;
    case 'bytes':
    case 'list':
      return (length + 1) * (layout.large ? 8 : 4);
    case 'fixedBytes':
      return length * layout.size;
    default:
      return 0;
  }
}

/** Of types that lie in a file as in a column. */
function plainBytes(kind: string): number {
  if (kind === 'date') return 4;
  return Number(/\d+$/.exec(kind)![0]) / 8;
}
