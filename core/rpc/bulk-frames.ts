import type { JobId, TaskRef } from '../base/ids.js';
import type { PartitionHeader } from '../graph/partition.js';
import { checkHeader, corrupt } from './bulk-check.js';

/**
 * The few small frames of the data plane, the same on gRPC and on the Unix socket. Fixed layouts, little-endian:
 * bulk bytes go beside them, never through a codec. Layouts are listed in proto/README.md.
 */

export interface FetchRequest {
  readonly task: TaskRef;
  readonly slice: number;
}

export interface PutRequest {
  readonly task: TaskRef;
  readonly header: PartitionHeader;
}

const headerBytes = 24;
const taskBytes = 8;

/** job u32, index u32, slice u32. */
export function encodeFetch({ task, slice }: FetchRequest): Buffer {
  const out = Buffer.allocUnsafe(taskBytes + 4);
  writeTask(out, task);
  out.writeUInt32LE(slice, taskBytes);
  return out;
}

export function decodeFetch(frame: Buffer): FetchRequest {
  if (frame.byteLength !== taskBytes + 4)
    throw corrupt('request', `${frame.byteLength} bytes of fetch request`);
  return { task: readTask(frame), slice: frame.readUInt32LE(taskBytes) };
}

/** rows f64, byteLength f64, checksum u32, metaLength u32, meta. */
export function encodeHeader(header: PartitionHeader): Buffer {
  const out = Buffer.allocUnsafe(headerBytes + header.meta.byteLength);
  writeHeader(out, 0, header);
  return out;
}

/** Checked: what comes out may be trusted to be within the limits. */
export function decodeHeader(frame: Buffer, what: string): PartitionHeader {
  return readHeader(frame, 0, what);
}

/** job u32, index u32, then a header. */
export function encodePut({ task, header }: PutRequest): Buffer {
  const out = Buffer.allocUnsafe(taskBytes + headerBytes + header.meta.byteLength);
  writeTask(out, task);
  writeHeader(out, taskBytes, header);
  return out;
}

export function decodePut(frame: Buffer): PutRequest {
  if (frame.byteLength < taskBytes) throw corrupt('request', `${frame.byteLength} bytes of put request`);
  const task = readTask(frame);
  return { task, header: readHeader(frame, taskBytes, `${task.job}/${task.index}`) };
}

function writeTask(out: Buffer, task: TaskRef): void {
  out.writeUInt32LE(task.job, 0);
  out.writeUInt32LE(task.index, 4);
}

function readTask(frame: Buffer): TaskRef {
  return { job: frame.readUInt32LE(0) as JobId, index: frame.readUInt32LE(4) };
}

function writeHeader(out: Buffer, at: number, header: PartitionHeader): void {
  out.writeDoubleLE(header.rows, at);
  out.writeDoubleLE(header.byteLength, at + 8);
  out.writeUInt32LE(header.checksum, at + 16);
  out.writeUInt32LE(header.meta.byteLength, at + 20);
  out.set(header.meta, at + headerBytes);
}

function readHeader(frame: Buffer, at: number, what: string): PartitionHeader {
  const metaAt = at + headerBytes;
  if (frame.byteLength < metaAt || frame.readUInt32LE(at + 20) !== frame.byteLength - metaAt) {
    throw corrupt(what, `a header of ${frame.byteLength - at} bytes`);
  }
  const header: PartitionHeader = {
    rows: frame.readDoubleLE(at),
    byteLength: frame.readDoubleLE(at + 8),
    checksum: frame.readUInt32LE(at + 16),
    meta: new Uint8Array(frame.subarray(metaAt)),
  };
  checkHeader(header, what);
  return header;
}
