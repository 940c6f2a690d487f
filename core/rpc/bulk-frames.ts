import type { JobId, TaskRef } from '../base/ids.js';
import { noChecksum, type PartitionHeader } from '../graph/partition.js';
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

/** Where the memory of a node lies in its process. */
export interface MemoryRegion {
  readonly pid: number;
  readonly address: number;
  readonly byteLength: number;
}

/** A slice in the memory of its node. */
export interface LentPlace {
  /** The reader's number for it. */
  readonly id: number;
  /** From the beginning of the memory. */
  readonly offset: number;
  readonly header: PartitionHeader;
}

const headerBytes = 24;
const placeBytes = 13;
const memoryBytes = 28;
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

/** pid u32, address f64, byteLength f64, offset of the proof f64. */
export function encodeMemory({ pid, address, byteLength }: MemoryRegion, proofAt: number): Buffer {
  const out = Buffer.allocUnsafe(memoryBytes);
  out.writeUInt32LE(pid, 0);
  out.writeDoubleLE(address, 4);
  out.writeDoubleLE(byteLength, 12);
  out.writeDoubleLE(proofAt, 20);
  return out;
}

/** Whole numbers, with the proof inside; that they are true has to be shown. */
export function decodeMemory(frame: Buffer): { region: MemoryRegion; proofAt: number } {
  if (frame.byteLength !== memoryBytes) throw corrupt('answer', `${frame.byteLength} bytes of memory`);
  const region = {
    pid: frame.readUInt32LE(0),
    address: frame.readDoubleLE(4),
    byteLength: frame.readDoubleLE(12),
  };
  const proofAt = frame.readDoubleLE(20);
  const { address, byteLength } = region;
  const whole = [address, byteLength, proofAt, address + byteLength].every(Number.isSafeInteger);
  if (!whole || address <= 0 || proofAt < 0 || proofAt > byteLength) {
    throw corrupt('answer', `memory of ${byteLength} bytes at ${address}`);
  }
  return { region, proofAt };
}

/** id u32, then a fetch request. */
export function encodeLend(id: number, request: FetchRequest): Buffer {
  return Buffer.concat([encodeId(id), encodeFetch(request)]);
}

export function decodeLend(frame: Buffer): { id: number; request: FetchRequest } {
  return { id: decodeId(frame), request: decodeFetch(frame.subarray(4)) };
}

export function encodeId(id: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeUInt32LE(id, 0);
  return out;
}

export function decodeId(frame: Buffer): number {
  if (frame.byteLength < 4) throw corrupt('frame', `${frame.byteLength} bytes where a number should be`);
  return frame.readUInt32LE(0);
}

/** id u32, offset f64, hasChecksum u8, then a header. */
export function encodePlace({ id, offset, header }: LentPlace): Buffer {
  const sealed = header.checksum !== noChecksum;
  const out = Buffer.allocUnsafe(placeBytes + headerBytes + header.meta.byteLength);
  out.writeUInt32LE(id, 0);
  out.writeDoubleLE(offset, 4);
  out.writeUInt8(sealed ? 1 : 0, 12);
  writeHeader(out, placeBytes, sealed ? header : { ...header, checksum: 0 });
  return out;
}

/** Checked like every header, and to lie within the memory. */
export function decodePlace(frame: Buffer, what: string, memory: MemoryRegion): Omit<LentPlace, 'id'> {
  if (frame.byteLength < placeBytes) throw corrupt(what, `${frame.byteLength} bytes of a place`);
  const offset = frame.readDoubleLE(4);
  const header = readHeader(frame, placeBytes, what);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + header.byteLength > memory.byteLength) {
    throw corrupt(what, `${header.byteLength} bytes at ${offset} of ${memory.byteLength}`);
  }
  return { offset, header: frame.readUInt8(12) === 1 ? header : { ...header, checksum: noChecksum } };
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
