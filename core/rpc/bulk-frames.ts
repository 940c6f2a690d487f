import type { JobId, TaskRef } from '../base/ids.js';
import { noChecksum, type PartitionHeader } from '../graph/partition.js';
import { checkHeader, corrupt } from './bulk-check.js';

/**
 * The few small frames of the data plane, the same on gRPC and on the Unix socket. Fixed layouts, little-endian:
 * bulk bytes go beside them, never through a codec. Layouts are listed in proto/README.md.
 */

/** One slice of one result. */
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
  /** From the beginning of the memory. */
  readonly offset: number;
  readonly header: PartitionHeader;
}

const headerBytes = 24;
const placeBytes = 9;
const memoryBytes = 28;
const taskBytes = 8;
const fetchBytes = 12;

/** job u32, index u32, slice u32. */
export function encodeFetch(request: FetchRequest): Buffer {
  const out = Buffer.allocUnsafe(fetchBytes);
  writeFetch(out, 0, request);
  return out;
}

export function decodeFetch(frame: Buffer): FetchRequest {
  if (frame.byteLength !== fetchBytes) throw corrupt('request', `${frame.byteLength} bytes of fetch request`);
  return readFetch(frame, 0);
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

/** id u32 of the first slice, whose successors the others have; then a fetch request for each. */
export function encodeLend(id: number, slices: readonly FetchRequest[]): Buffer {
  const out = Buffer.allocUnsafe(4 + slices.length * fetchBytes);
  let at = out.writeUInt32LE(id, 0);
  for (const request of slices) {
    writeFetch(out, at, request);
    at += fetchBytes;
  }
  return out;
}

export function decodeLend(frame: Buffer): { id: number; slices: FetchRequest[] } {
  const id = readId(frame);
  if (frame.byteLength === 4 || (frame.byteLength - 4) % fetchBytes !== 0) {
    throw corrupt('request', `${frame.byteLength} bytes of slices`);
  }
  const slices: FetchRequest[] = [];
  for (let at = 4; at < frame.byteLength; at += fetchBytes) slices.push(readFetch(frame, at));
  return { id, slices };
}

/** ids u32. */
export function encodeReturn(ids: readonly number[]): Buffer {
  const out = Buffer.allocUnsafe(4 * ids.length);
  let at = 0;
  for (const id of ids) at = out.writeUInt32LE(id, at);
  return out;
}

export function decodeReturn(frame: Buffer): number[] {
  if (frame.byteLength % 4 !== 0) throw corrupt('request', `${frame.byteLength} bytes of slices given back`);
  return Array.from({ length: frame.byteLength / 4 }, (_, i) => frame.readUInt32LE(4 * i));
}

/** id u32 of the first slice, whose successors follow; then for each the length u32 of its place, 0: it lies elsewhere, and the place. */
export function encodePlaces(id: number, places: readonly (Buffer | null)[]): Buffer {
  const out = Buffer.allocUnsafe(places.reduce((sum, place) => sum + 4 + (place?.byteLength ?? 0), 4));
  let at = out.writeUInt32LE(id, 0);
  for (const place of places) {
    at = out.writeUInt32LE(place?.byteLength ?? 0, at);
    if (place !== null) at += place.copy(out, at);
  }
  return out;
}

export function decodePlaces(frame: Buffer): { id: number; places: (Buffer | null)[] } {
  const id = readId(frame);
  const places: (Buffer | null)[] = [];
  for (let at = 4; at < frame.byteLength; ) {
    const end = at + 4 > frame.byteLength ? at : at + 4 + frame.readUInt32LE(at);
    if (end === at || end > frame.byteLength) throw corrupt('answer', `places of ${frame.byteLength} bytes`);
    places.push(end === at + 4 ? null : frame.subarray(at + 4, end));
    at = end;
  }
  return { id, places };
}

function readId(frame: Buffer): number {
  if (frame.byteLength < 4) throw corrupt('frame', `${frame.byteLength} bytes where a number should be`);
  return frame.readUInt32LE(0);
}

/** offset f64, hasChecksum u8, then a header. */
export function encodePlace({ offset, header }: LentPlace): Buffer {
  const sealed = header.checksum !== noChecksum;
  const out = Buffer.allocUnsafe(placeBytes + headerBytes + header.meta.byteLength);
  out.writeDoubleLE(offset, 0);
  out.writeUInt8(sealed ? 1 : 0, 8);
  writeHeader(out, placeBytes, sealed ? header : { ...header, checksum: 0 });
  return out;
}

/** Checked like every header, and to lie within the memory. */
export function decodePlace(place: Buffer, what: string, memory: MemoryRegion): LentPlace {
  if (place.byteLength < placeBytes) throw corrupt(what, `${place.byteLength} bytes of a place`);
  const offset = place.readDoubleLE(0);
  const header = readHeader(place, placeBytes, what);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + header.byteLength > memory.byteLength) {
    throw corrupt(what, `${header.byteLength} bytes at ${offset} of ${memory.byteLength}`);
  }
  return { offset, header: place.readUInt8(8) === 1 ? header : { ...header, checksum: noChecksum } };
}

function writeFetch(out: Buffer, at: number, { task, slice }: FetchRequest): void {
  out.writeUInt32LE(task.job, at);
  out.writeUInt32LE(task.index, at + 4);
  out.writeUInt32LE(slice, at + 8);
}

function readFetch(frame: Buffer, at: number): FetchRequest {
  const task = { job: frame.readUInt32LE(at) as JobId, index: frame.readUInt32LE(at + 4) };
  return { task, slice: frame.readUInt32LE(at + 8) };
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
