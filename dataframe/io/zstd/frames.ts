import type { WasmFunction, WasmMemory } from '../../../core/base/kernel-memory.js';
import { functionFor } from '../../codegen/wasm/assemble.js';
import { copyInto } from '../../column/copy-bytes.js';
import { XxHash64 } from '../xxhash64.js';
import { damagedData } from './distribution.js';
import { type FrameHead, readFrameHead } from './head.js';
import { literalsOver } from './literals.js';
import { sequencesOver } from './sequences.js';
import { allTablesBytes, ZstdTables } from './tables.js';

/** Most bytes of a block. */
const blockBytes = 131_072;
/** Bytes behind what is unpacked that may be written to, and behind the input that are looked at. */
export const framesSlack = 64;
/** Bytes that tables and literals take. */
export const framesBytes = allTablesBytes + 2 * (blockBytes + framesSlack);

const Block = { raw: 0, run: 1, packed: 2 } as const;
const Literals = { raw: 0, run: 1, packed: 2, again: 3 } as const;

/** Of a block: where they begin in it, how many they are, and where what follows them begins. */
interface LiteralsHead {
  readonly kind: number;
  readonly from: number;
  readonly size: number;
  readonly end: number;
  /** Four Huffman coded streams; else one. */
  readonly isFour: boolean;
}

/** A packed block: its literals may not be unpacked yet. */
interface Begun {
  readonly block: Uint8Array;
  /** Literals, and the address where they are or will be. */
  readonly size: number;
  readonly literals: number;
  /** Sequences, and where in the block what tells of them begins. */
  readonly count: number;
  readonly from: number;
  /** Four Huffman coded streams that are still to be unpacked: what their function is called with. */
  streams: readonly number[] | null;
}

/** Unpacks frames of zstd (RFC 8878) within one memory: the input, and the room for the output, lie there. */
export class ZstdFrames {
  readonly #bytes: Uint8Array;
  readonly #tables: ZstdTables;
  /** Two rooms for the literals of blocks with sequences, used in turn. */
  readonly #rooms: readonly number[];
  #room = 0;
  readonly #one: WasmFunction;
  readonly #four: WasmFunction;
  readonly #eight: WasmFunction;
  readonly #sequences: WasmFunction;

  /** `at`: where framesBytes of the memory lie that nobody else uses while it unpacks. */
  constructor(memory: WasmMemory, at: number) {
    this.#bytes = new Uint8Array(memory.buffer);
    this.#tables = new ZstdTables(memory, at);
    this.#rooms = [0, 1].map(k => at + allTablesBytes + k * (blockBytes + framesSlack));
    this.#one = functionFor(memory, 'zstd literals 1', () => literalsOver(memory, 1));
    this.#four = functionFor(memory, 'zstd literals 4', () => literalsOver(memory, 4));
    this.#eight = functionFor(memory, 'zstd literals 8', () => literalsOver(memory, 8));
    this.#sequences = functionFor(memory, 'zstd sequences', () => sequencesOver(memory));
  }

  /**
   * To the address `out`, where `size` bytes and framesSlack are free: all frames of the input, or as many blocks of them as hold `enough` bytes.
   * @returns how many bytes there are
   * @throws RangeError whatever the bytes are, when they are no such frames
   */
  unpack(input: Uint8Array, out: number, size: number, enough = size): number {
    const stop = out + size;
    let p = 0;
    let q = out;
    while (p < input.length) {
      const head = readFrameHead(input, p);
      p = head.end;
      if (head.skipped) continue;
      const first = q;
      const all = this.#blocks(input, p, first, stop, out + enough);
      p = all.p;
      q = all.q;
      if (!all.last) break;
      p += this.#check(input, p, head, first, q);
    }
    return q - out;
  }

  /** Of what a frame says of all of it. @returns the bytes of its checksum */
  #check(input: Uint8Array, p: number, { size, hasChecksum }: FrameHead, first: number, q: number): number {
    if (size !== null && size !== q - first) throw damagedData();
    if (!hasChecksum) return 0;
    if (p + 4 > input.length) throw damagedData();
    const hash = new XxHash64();
    hash.hash(this.#bytes.subarray(first, q), 0, q - first);
    const told = input[p]! | (input[p + 1]! << 8) | (input[p + 2]! << 16) | (input[p + 3]! << 24);
    if (hash.low !== told >>> 0) throw damagedData();
    return 4;
  }

  /** Those from `from` on, to `first`: all, or until `enough` is reached. */
  #blocks(input: Uint8Array, from: number, first: number, stop: number, enough: number) {
    this.#tables.begin();
    let p = from;
    let q = first;
    let last = false;
    let ahead: Begun | null = null;
    while (!last && (q < enough || enough === stop)) {
      if (p + 3 > input.length) throw damagedData();
      const head = input[p]! | (input[p + 1]! << 8) | (input[p + 2]! << 16);
      last = (head & 1) === 1;
      const kind = (head >> 1) & 3;
      const bytes = head >> 3;
      p += 3;
      const end = p + (kind === Block.run ? 1 : bytes);
      if (bytes > blockBytes || end > input.length) throw damagedData();
      if (kind === Block.packed) {
        const begun: Begun = ahead ?? this.#begin(input.subarray(p, end), q, stop);
        ahead = begun.streams === null || last || enough < stop ? null : this.#ahead(input, end);
        this.#unpackStreams(begun, ahead);
        q = this.#finish(begun, q, first, Math.min(stop, q + blockBytes));
      } else {
        if (kind > Block.packed || bytes > stop - q) throw damagedData();
        if (kind === Block.run) this.#bytes.fill(input[p]!, q, q + bytes);
        else copyInto(this.#bytes, q, input.subarray(p, end));
        q += bytes;
      }
      p = end;
    }
    return { p, q, last };
  }

  /** The block at `p`, if it is a packed one; whatever else is there is looked at in its turn. */
  #ahead(input: Uint8Array, p: number): Begun | null {
    if (p + 3 > input.length) return null;
    const head = input[p]! | (input[p + 1]! << 8) | (input[p + 2]! << 16);
    const end = p + 3 + (head >> 3);
    if (((head >> 1) & 3) !== Block.packed || head >> 3 > blockBytes || end > input.length) return null;
    return this.#begin(input.subarray(p + 3, end), 0, 0);
  }

  /** Literals that no sequences follow go to `q`, before `stop`, or, where that is 0, to a room, as others do. */
  #begin(block: Uint8Array, q: number, stop: number): Begun {
    const head = readLiteralsHead(block);
    const { size } = head;
    let p = head.end;
    if (p >= block.length) throw damagedData();
    let count = block[p++]!;
    if (count > 127) {
      const [low, high] = [block[p++] ?? 0, count < 255 ? 0 : (block[p++] ?? 0)];
      count = count < 255 ? ((count - 128) << 8) + low : 0x7f00 + low + (high << 8);
    }
    const there = count === 0 && stop > 0;
    if (count === 0 && p !== block.length) throw damagedData();
    if (there && size > stop - q) throw damagedData();
    this.#room ^= 1;
    const out = there ? q : this.#rooms[this.#room]!;
    return { block, size, count, from: p, ...this.#beginLiterals(block, head, out) };
  }

  /** To `out`, if they are not used where they are. */
  #beginLiterals(block: Uint8Array, head: LiteralsHead, out: number): Pick<Begun, 'literals' | 'streams'> {
    const { kind, from, size, end: to, isFour } = head;
    if (kind === Literals.raw) return { literals: block.byteOffset + from, streams: null };
    if (kind === Literals.run) {
      this.#bytes.fill(block[from]!, out, out + size);
      return { literals: out, streams: null };
    }
    const p = from + (kind === Literals.again ? 0 : this.#tables.readCode(block.subarray(from, to)));
    const { code } = this.#tables;
    const start = block.byteOffset + p;
    const end = block.byteOffset + to;
    if (!isFour) {
      if (this.#one(code, start, end, 0, 0, 0, out, size, out + size) !== 0) throw damagedData();
      return { literals: out, streams: null };
    }
    if (p + 6 > to) throw damagedData();
    const bytesOf = (k: number) => block[p + 2 * k]! | (block[p + 2 * k + 1]! << 8);
    const s0 = start + 6;
    const s1 = s0 + bytesOf(0);
    const s2 = s1 + bytesOf(1);
    const s3 = s2 + bytesOf(2);
    const part = (size + 3) >> 2;
    if (s3 >= end || 3 * part > size) throw damagedData();
    return { literals: out, streams: [code, s0, s1, s2, s3, end, out, part, out + size] };
  }

  /** Those of the block ahead, too: together they take less time than one after the other. */
  #unpackStreams(begun: Begun, ahead: Begun | null): void {
    if (begun.streams === null) return;
    const failed =
      ahead === null || ahead.streams === null
        ? this.#four(...begun.streams)
        : this.#eight(...begun.streams, ...ahead.streams);
    if (failed !== 0) throw damagedData();
    begun.streams = null;
    if (ahead !== null) ahead.streams = null;
  }

  /** To `q`, where matches reach back to `first`. @returns the address behind what it unpacked to */
  #finish({ block, size, literals, count, from }: Begun, q: number, first: number, stop: number): number {
    if (count === 0) {
      if (size > stop - q) throw damagedData();
      if (literals !== q) copyInto(this.#bytes, q, this.#bytes.subarray(literals, literals + size));
      return q + size;
    }
    const modes = block[from] ?? 3;
    if ((modes & 3) !== 0) throw damagedData();
    const p = this.#tables.readFields(modes, block, from + 1);
    const { byteOffset } = block;
    const bits = byteOffset + p;
    const end = byteOffset + block.length;
    const { at, sizes } = this.#tables;
    const to = this.#sequences(at, sizes, count, bits, end, literals, literals + size, q, first, stop)!;
    if (to === 0) throw damagedData();
    return to >>> 0;
  }
}

/** RFC 8878, 3.1.1.3.1. */
function readLiteralsHead(block: Uint8Array): LiteralsHead {
  const head = (block[0] ?? 0) | ((block[1] ?? 0) << 8) | ((block[2] ?? 0) << 16);
  const kind = head & 3;
  const form = (head >> 2) & 3;
  let from: number;
  let size: number;
  let end: number;
  if (kind === Literals.raw || kind === Literals.run) {
    from = form === 1 ? 2 : form === 3 ? 3 : 1;
    size = from === 1 ? (head & 255) >> 3 : from === 2 ? (head & 0xffff) >> 4 : head >> 4;
    end = from + (kind === Literals.raw ? size : 1);
  } else {
    from = form < 2 ? 3 : form + 2;
    const bits = form < 2 ? 10 : form === 2 ? 14 : 18;
    const sizes = Math.floor((head + (block[3] ?? 0) * 2 ** 24 + (block[4] ?? 0) * 2 ** 32) / 16);
    size = sizes % 2 ** bits;
    end = from + (Math.floor(sizes / 2 ** bits) % 2 ** bits);
  }
  if (size > blockBytes || end > block.length) throw damagedData();
  return { kind, from, size, end, isFour: form > 0 };
}
