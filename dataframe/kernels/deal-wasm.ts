import type { KernelMemory, WasmFunction, WasmMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import {
  add,
  type Code,
  functionFor,
  functionOver,
  giveBack,
  int,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
  shl,
  statements,
  store32,
  storeAs,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import {
  add32,
  lane32,
  loadVector,
  storeVector,
  vectorOf32,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
import { hasVectors } from '../codegen/wasm/vectors.js';
import { bytesOfValues } from '../column/layout.js';
import type { DealTarget } from './deal.js';
import { makeBlockDealer } from './deal-blocks-wasm.js';
import { chunkBytes, recordOf } from './deal-record.js';
import type { Lent } from './lent.js';

/**
 * Rows that are dealt to memory of the lane before they are copied to where they belong. Dealing writes to so many places at
 * a time that the processor waits for a cache line at each; within so few rows the lines are at hand, and copying runs of
 * them is what it reads ahead for.
 */
const blockRows = 32_768;
/** Between slices: the last store of one may reach over what it is to write. */
const apartBytes = chunkBytes;
/** Fewer would be runs that are too short. */
const leastBlockRows = 16_384;
/** Slices, each with room for all rows of a block, of which it touches what it needs; of more, a block's rows are counted. */
const roomySlices = 32;
const stagedBytes = 32 * 1024 * 1024;
/** More have runs of a few cache lines, which are not read ahead. */
const stagedSlices = 512;

/** As dealInto, where all of it lies in the lane's memory. False: it does not, and nothing was done. */
export function dealOver(
  home: KernelMemory,
  targets: readonly DealTarget[],
  slice: Uint16Array,
  rows: number,
  lent: Lent,
): boolean {
  const lies = (array: ArrayBufferView) => array.buffer === home.buffer;
  if (!hasVectors() || !lies(slice)) return false;
  if (!targets.every(({ column, values }) => lies(column.values) && lies(values))) return false;
  const sizes = targets.map(({ column }) => bytesOfValues(column.physical, 1));
  const slices = targets[0]!.starts.length;
  const count = slices * widthOf(sizes.length);
  const words = lent.words(Math.max(leastWords, count + 2 * slices));
  if (!lies(words)) return false;
  const places = words.subarray(0, count);
  targets.forEach(({ values, starts }, c) => {
    putAddresses(places, sizes, c, s => values.byteOffset + starts[s]! * sizes[c]!);
  });
  const from = targets.map(({ column }) => column.values.byteOffset);
  const staging = stagingFor(home, sizes, slices, rows, lent);
  if (staging === null) {
    const deal = functionFor(home.memory, `deal ${sizes.join()}`, () => makeDealer(home.memory, sizes));
    deal(slice.byteOffset, rows, places.byteOffset, ...from);
    return true;
  }
  const starts = words.subarray(count, count + slices);
  const ends = words.subarray(count + slices, count + 2 * slices);
  const blocks = functionFor(home.memory, `deal blocks ${sizes.join()}`, () =>
    makeBlockDealer(home.memory, sizes, widthOf(sizes.length)),
  );
  const deal = (first: number, some: number) =>
    blocks(
      slice.byteOffset + 2 * first,
      some,
      staging.rows,
      starts.byteOffset,
      ends.byteOffset,
      places.byteOffset,
      slices,
      ...from.map((at, c) => at + first * sizes[c]!),
    );
  const putStarts = (room: (slice: number) => number) => {
    for (let s = 0, at = staging.address; s < slices; at += room(s++) * staging.rowBytes + apartBytes)
      starts[s] = at;
  };
  if (!staging.counted) {
    putStarts(() => staging.rows);
    deal(0, rows);
    return true;
  }
  for (let first = 0; first < rows; first += staging.rows) {
    const some = Math.min(staging.rows, rows - first);
    countSlices(home, slice.subarray(first, first + some), ends);
    putStarts(s => ends[s]!);
    deal(first, some);
  }
  return true;
}

/** So many are lent of the lane's memory, not of the heap. */
const leastWords = 4096;

/** Addresses of a slice: one for each column, and as many more as fill up a vector. */
function widthOf(columns: number): number {
  return columns <= 4 ? 4 : 8;
}

function putAddresses(
  words: Uint32Array,
  sizes: readonly number[],
  column: number,
  address: (slice: number) => number,
): void {
  const width = widthOf(sizes.length);
  for (let s = 0; s * width < words.length; s++) words[s * width + column] = address(s);
}

function countSlices({ memory }: KernelMemory, slice: Uint16Array, counts: Uint32Array): void {
  counts.fill(0);
  const count = functionFor(memory, 'count slices', () => makeCounter(memory));
  count(slice.byteOffset, slice.byteLength, counts.byteOffset);
}

interface Staging {
  readonly address: number;
  /** Of a block. */
  readonly rows: number;
  readonly rowBytes: number;
  /** Whether each slice has only the room it needs. */
  readonly counted: boolean;
}

/** Null where rows are as well dealt to their places. */
function stagingFor(
  { buffer, scratchBytes }: KernelMemory,
  sizes: readonly number[],
  slices: number,
  rows: number,
  lent: Lent,
): Staging | null {
  const counted = slices > roomySlices;
  const rowBytes = recordOf(sizes).bytes;
  const most = Math.min(stagedBytes, scratchBytes / 4) - slices * apartBytes;
  const blocks = counted ? 1 : slices;
  const fitting = Math.min(blockRows, Math.floor(most / (blocks * rowBytes)));
  const block = fitting - (fitting % limits.alignment);
  if (slices < 2 || slices > stagedSlices || block < leastBlockRows || rows < block) return null;
  const bytes = lent.bytes(blocks * block * rowBytes + slices * apartBytes);
  return bytes.buffer === buffer ? { address: bytes.byteOffset, rows: block, rowBytes, counted } : null;
}

/** deal(slices, rows, addresses, ...values): each row of values goes to its slice's addresses, which go on behind it. */
function makeDealer(memory: WasmMemory, sizes: readonly number[]): WasmFunction {
  const from = sizes.map((_, c) => `from${c}`);
  const names = ['slice', 'rows', 'places', ...from, 'end', 'place'];
  const { get, set } = localsOf(names);
  const halves = widthOf(sizes.length) / 4;
  const to = Array.from({ length: halves }, (_, h) => `to${h}`);
  const steps = Array.from({ length: halves }, (_, h) => `step${h}`);
  const vectors = vectorsOf([...to, ...steps], names.length);
  const rowLog2 = Math.log2(4 * widthOf(sizes.length));
  /** Row `k` behind the one that is come to. */
  const one = (k: number): Code => {
    const code: Code[] = [
      set('place', add(get('places'), shl(loadAs(1, get('slice'), 2 * k), int(rowLog2)))),
      ...to.map((name, h) => vectors.set(name, loadVector(get('place'), 16 * h))),
      ...to.map((name, h) =>
        storeVector(get('place'), add32(vectors.get(name), vectors.get(steps[h]!)), 16 * h),
      ),
    ];
    sizes.forEach((size, c) => {
      const log2 = Math.log2(size);
      const address = lane32(vectors.get(to[c >> 2]!), c & 3);
      code.push(storeAs(log2, address, loadAs(log2, get(from[c]!), k * size), 0));
    });
    return code.flat();
  };
  const further = (rows: number): Code => [
    ...set('slice', add(get('slice'), int(2 * rows))),
    ...sizes.flatMap((size, c) => set(from[c]!, add(get(from[c]!), int(rows * size)))),
  ];
  const body = statements(
    ...steps.map((name, h) =>
      vectors.set(name, vectorOf32([0, 1, 2, 3].map(lane => sizes[4 * h + lane] ?? 0))),
    ),
    set('end', add(get('slice'), mul(get('rows'), int(2)))),
    whileTrue(ltU(add(get('slice'), int(2)), get('end')), statements(one(0), one(1), further(2))),
    whileTrue(ltU(get('slice'), get('end')), statements(one(0), further(1))),
    giveBack(int(0)),
  );
  return functionOver(memory, 3 + sizes.length, 2, body, 2 * halves);
}

/** count(slices, bytes, counts) */
function makeCounter(memory: WasmMemory): WasmFunction {
  const { get, set } = localsOf(['slice', 'bytes', 'counts', 'end', 'count']);
  const body = statements(
    set('end', add(get('slice'), get('bytes'))),
    whileTrue(
      ltU(get('slice'), get('end')),
      statements(
        set('count', add(get('counts'), shl(loadAs(1, get('slice')), int(2)))),
        store32(get('count'), add(load32(get('count')), int(1))),
        set('slice', add(get('slice'), int(2))),
      ),
    ),
    giveBack(int(0)),
  );
  return functionOver(memory, 3, 2, body);
}
