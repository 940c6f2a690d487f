import type { WasmFunction, WasmMemory } from '../../../core/base/kernel-memory.js';
import { functionFor } from '../../codegen/wasm/assemble.js';
import { codeBits, entryAt, entryLog2, huffmanOver, statesOver, weightsOver } from './codes.js';
import { type DistributionHead, damagedData, readDistribution } from './distribution.js';
import { firstRoll, packSizes, recordAt, recordBytes, tablesAt, tablesBytes } from './sequences.js';

/** What codes stand for: numbers from `bases` on, as many as so many bits tell. */
interface Meanings {
  readonly bases: readonly number[];
  readonly bits: readonly number[];
}

/** Those of a field of sequences. */
interface CodeKind extends Meanings {
  /** Logarithm of the largest table. */
  readonly mostLog: number;
  /** The table that a format has where a block brings none. */
  readonly defaultLog: number;
  readonly defaults: readonly number[];
}

/** RFC 8878, 3.1.1.3.2.1.1: the first codes are numbers, the others the beginnings of intervals. */
function kindOf(
  numbers: number,
  start: number,
  more: readonly number[],
  mostLog: number,
  defaults: readonly number[],
): CodeKind {
  const bits = [...new Array<number>(numbers).fill(0), ...more];
  const bases: number[] = [];
  let base = start;
  for (const count of bits) {
    bases.push(base);
    base += 2 ** count;
  }
  return { bases, bits, mostLog, defaultLog: 6, defaults };
}

const literalLengths = kindOf(
  16,
  0,
  [1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  9,
  [
    4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1,
    -1, -1,
  ],
);
const matchLengths = kindOf(
  32,
  3,
  [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
  9,
  [
    1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
  ],
);
/** Less the 3 numbers that stand for the last distances: what is less than 1 tells which of them. */
const distances: CodeKind = {
  bases: Array.from({ length: 31 }, (_, code) => 2 ** code - 3),
  bits: Array.from({ length: 31 }, (_, code) => code),
  mostLog: 8,
  defaultLog: 5,
  defaults: [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
};

/** How a field of a block's sequences is coded (RFC 8878, 3.1.1.3.2.1). */
const Mode = { known: 0, one: 1, told: 2, again: 3 } as const;
const firstRepeats = [1, 4, 8] as const;

/** Symbols of a distribution here at most, and states of a table. */
const mostSymbols = 64;
const mostStates = 512;
/** Of the table of weights: logarithm of its states, and its last symbol. */
const weightsLog = 6;
const lastWeight = codeBits + 1;

/** Where things lie behind the tables of sequences, in bytes. */
const huffmanAt = tablesBytes;
/** Two of them: one may be read for the next block while that of this one is in use. */
const codeBytes = 2 * 2 ** codeBits;
const weightsAt = huffmanAt + 2 * codeBytes;
const weightStatesAt = weightsAt + 256;
const firstsAt = weightStatesAt + ((2 ** weightsLog) << entryLog2);
const countsAt = firstsAt + 32;
const nextsAt = countsAt + 2 * mostSymbols;
const spreadAt = nextsAt + 2 * mostSymbols;
const meaningsAt = spreadAt + mostStates;
export const allTablesBytes = meaningsAt + 4 * (mostSymbols << entryLog2);

/** For matches that begin less than 16 bytes before: which bytes a vector of repetitions has, and how many of those are whole ones. */
function writePatterns(tables: Uint8Array): void {
  for (let back = 1; back < 16; back++) {
    tables[tablesAt.strides + back] = 16 - (16 % back);
    for (let i = 0; i < 16; i++) tables[tablesAt.patterns + 16 * back + i] = i % back;
  }
}

/** Of one field of sequences. */
interface Field {
  readonly kind: CodeKind;
  readonly meanings: number;
  readonly table: number;
  /** Logarithm of the size of its table; -1: there is none yet. */
  log: number;
}

/** The tables of a frame, in the memory of kernels: they last from block to block. */
export class ZstdTables {
  /** Where they lie. */
  readonly at: number;
  readonly #fields: readonly [Field, Field, Field];
  readonly #counts: Uint16Array;
  readonly #weights: Uint8Array;
  /** What no block changes, and where it lies: others may have worked there since the last frame. */
  readonly #patterns: Uint8Array;
  readonly #patternsKept: Uint8Array;
  readonly #meanings: Uint8Array;
  readonly #meaningsKept: Uint8Array;
  readonly #repeats: Int32Array;
  readonly #states: WasmFunction;
  readonly #weightsOf: WasmFunction;
  readonly #huffman: WasmFunction;
  #hasCode = false;
  /** Where the Huffman code is that was read last. */
  #code = 0;

  constructor(memory: WasmMemory, at: number) {
    const { buffer } = memory;
    this.at = at;
    const words = new Int32Array(buffer, at, allTablesBytes / 4);
    const bytes = new Uint8Array(buffer, at, allTablesBytes);
    this.#counts = new Uint16Array(buffer, at + countsAt, mostSymbols);
    this.#weights = bytes.subarray(weightsAt, weightsAt + 256);
    this.#repeats = words.subarray(tablesAt.repeats / 4, tablesAt.records / 4);
    // `roll`, `nextRoll`: bits that are rolled besides.
    const meaningOf = ({ bases, bits }: Meanings, place: number, roll: number, nextRoll: number) => {
      const from = meaningsAt + place * (mostSymbols << entryLog2);
      for (let s = 0; s < bases.length; s++) {
        const entry = from + (s << entryLog2);
        words[(entry + entryAt.value) / 4] = bases[s]!;
        words[(entry + entryAt.mask) / 4] = (2 ** bits[s]! - 1) & 0xffff;
        bytes[entry + entryAt.roll] = bits[s]! + roll;
        bytes[entry + entryAt.nextRoll] = nextRoll;
        bytes[entry + entryAt.all] = bits[s]!;
        bytes[entry + entryAt.bits] = bits[s]!;
      }
      return at + from;
    };
    const field = (kind: CodeKind, table: number, place: number, roll: number, nextRoll: number) => ({
      kind,
      meanings: meaningOf(kind, place, roll, nextRoll),
      table: at + table,
      log: -1,
    });
    this.#fields = [
      field(literalLengths, tablesAt.literals, 0, 0, entryLog2),
      field(distances, tablesAt.distances, 1, firstRoll, 0),
      field(matchLengths, tablesAt.matches, 2, 0, 0),
    ];
    const weights = Array.from({ length: lastWeight + 1 }, (_, weight) => weight);
    meaningOf({ bases: weights, bits: weights.map(() => 0) }, 3, 0, 0);
    writePatterns(bytes);
    this.#patterns = bytes.subarray(tablesAt.strides, tablesAt.repeats);
    this.#patternsKept = this.#patterns.slice();
    this.#meanings = bytes.subarray(meaningsAt, allTablesBytes);
    this.#meaningsKept = this.#meanings.slice();
    this.#states = functionFor(memory, 'zstd states', () => statesOver(memory));
    this.#weightsOf = functionFor(memory, 'zstd weights', () => weightsOver(memory));
    this.#huffman = functionFor(memory, 'zstd huffman', () => huffmanOver(memory));
  }

  /** Of the Huffman code that was read last. It stays until the second one after it is read. */
  get code(): number {
    if (!this.#hasCode) throw damagedData();
    return this.#code;
  }

  /** Sizes of the tables of sequences, as their function takes them. */
  get sizes(): number {
    const [lengths, backs, matches] = this.#fields;
    return packSizes(lengths.log, backs.log, matches.log);
  }

  /** A frame has no tables at first. */
  begin(): void {
    this.#hasCode = false;
    for (const field of this.#fields) field.log = -1;
    this.#patterns.set(this.#patternsKept);
    this.#meanings.set(this.#meaningsKept);
    firstRepeats.forEach((distance, i) => {
      // The last one is the nearest to the records.
      this.#repeats[((2 - i) * recordBytes + recordAt.back) / 4] = distance;
    });
  }

  /** Reads the Huffman code of literals. @returns where it ends */
  readCode(section: Uint8Array): number {
    const head = section[0] ?? 0;
    const packed = head < 128;
    const end = 1 + (packed ? head : (head - 126) >> 1);
    if (end > section.length) throw damagedData();
    const count = packed ? this.#codedWeights(section, end) : head - 127;
    for (let i = 0; !packed && i < count; i++)
      this.#weights[i] = (section[1 + (i >> 1)]! >> ((i & 1) === 0 ? 4 : 0)) & 15;
    const { at } = this;
    const first = at + huffmanAt;
    this.#code = this.#code === first ? first + codeBytes : first;
    const good = this.#huffman(at + weightsAt, count, this.#code, at + firstsAt);
    if (count === 0 || good === 0) throw damagedData();
    this.#hasCode = true;
    return end;
  }

  /** @returns how many; 0: they are damaged */
  #codedWeights(section: Uint8Array, end: number): number {
    const { at } = this;
    const head = readDistribution(section, 1, weightsLog, lastWeight, this.#counts);
    const states = at + weightStatesAt;
    const meanings = at + meaningsAt + 3 * (mostSymbols << entryLog2);
    this.#makeStates(head, meanings, states);
    const { byteOffset } = section;
    return this.#weightsOf(states, head.log, byteOffset + head.end, byteOffset + end, at + weightsAt)!;
  }

  /** Reads the tables of sequences as their modes say. @returns where they end */
  readFields(modes: number, block: Uint8Array, from: number): number {
    let p = from;
    this.#fields.forEach((field, f) => {
      p = this.#readField(field, (modes >> (6 - 2 * f)) & 3, block, p);
    });
    return p;
  }

  #readField(field: Field, mode: number, block: Uint8Array, from: number): number {
    const { kind, meanings, table } = field;
    if (mode === Mode.again) {
      if (field.log < 0) throw damagedData();
      return from;
    }
    const head =
      mode === Mode.told
        ? readDistribution(block, from, kind.mostLog, kind.bases.length - 1, this.#counts)
        : mode === Mode.one
          ? this.#oneSymbol(kind, block, from)
          : this.#known(kind, from);
    this.#makeStates(head, meanings, table);
    field.log = head.log;
    return head.end;
  }

  #known({ defaults, defaultLog }: CodeKind, from: number): DistributionHead {
    this.#counts.set(defaults);
    return { symbols: defaults.length, log: defaultLog, end: from };
  }

  /** One state, that stays. */
  #oneSymbol({ bases }: CodeKind, block: Uint8Array, from: number): DistributionHead {
    const symbol = block[from]!;
    if (from >= block.length || symbol >= bases.length) throw damagedData();
    this.#counts.fill(0, 0, symbol);
    this.#counts[symbol] = 1;
    return { symbols: symbol + 1, log: 0, end: from + 1 };
  }

  #makeStates({ symbols, log }: DistributionHead, meanings: number, table: number): void {
    const { at } = this;
    this.#states(at + countsAt, symbols, log, meanings, table, at + nextsAt, at + spreadAt);
  }
}
