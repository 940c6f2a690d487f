import type { KernelMemory, WasmFunction, WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  functionFor,
  functionOver,
  giveBack,
  int,
  load32,
  loadAs,
  localsOf,
  ltU,
  shl,
  statements,
  store32,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import { hasVectors } from '../codegen/wasm/vectors.js';
import { bytesOfValues } from '../column/layout.js';
import type { DealTarget } from './deal.js';
import { makeBlockDealer } from './deal-block-wasm.js';
import { chunkBytes, recordOf } from './deal-record.js';
import type { Lent } from './lent.js';

/**
 * Rows that are dealt to memory of the lane before they are copied to where they belong. Dealing writes to so many places at
 * a time that the processor waits for a cache line at each; within so few rows the lines are at hand, and copying runs of
 * them is what it reads ahead for.
 */
const blockRows = 32_768;
/** Of many slices a block has so many rows each, or runs would be too short. */
const sliceRows = 32;
/** Where memory has room for no more, rows are dealt to their places one by one. */
const leastBlockRows = 2048;
const stagedBytes = 32 * 1024 * 1024;
/** So many are lent of the lane's memory, not of the heap. */
const leastWords = 4096;
/** Between slices: the last store of one may reach over what it is to write. */
const apartBytes = chunkBytes;

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
  const count = slices * sizes.length;
  const words = lent.words(Math.max(leastWords, count + 2 * slices));
  const staging = stagingFor(home, recordOf(sizes).bytes, slices, rows, lent);
  if (staging === null || !lies(words)) return false;
  const places = words.subarray(0, count);
  targets.forEach(({ values, starts }, c) => {
    for (let s = 0; s < slices; s++)
      places[s * sizes.length + c] = values.byteOffset + starts[s]! * sizes[c]!;
  });
  const starts = words.subarray(count, count + slices);
  const ends = words.subarray(count + slices, count + 2 * slices);
  const deal = functionFor(home.memory, `deal ${sizes.join()}`, () => makeBlockDealer(home.memory, sizes));
  if (!staging.counted) putStarts(starts, staging, null);
  for (let first = 0; first < rows; first += staging.rows) {
    const some = Math.min(staging.rows, rows - first);
    if (staging.counted) {
      countSlices(home, slice.subarray(first, first + some), ends);
      putStarts(starts, staging, ends);
    }
    deal(
      slice.byteOffset + 2 * first,
      some,
      ...[starts.byteOffset, ends.byteOffset, places.byteOffset, slices],
      ...targets.map(({ column }, c) => column.values.byteOffset + first * sizes[c]!),
    );
  }
  return true;
}

/** Where the records of each slice begin. `counts`: its rows; null: room for all of a block. */
function putStarts(
  starts: Uint32Array,
  { address, rows, rowBytes }: Staging,
  counts: Uint32Array | null,
): void {
  for (let s = 0, at = address; s < starts.length; s++) {
    starts[s] = at;
    at += (counts === null ? rows : counts[s]!) * rowBytes + apartBytes;
  }
}

interface Staging {
  readonly address: number;
  /** Of a block. */
  readonly rows: number;
  readonly rowBytes: number;
  /** Slices have the room that they need in a block; else each has room for all rows of a block, of which it touches what it needs. */
  readonly counted: boolean;
}

function stagingFor(
  { buffer, scratchBytes }: KernelMemory,
  rowBytes: number,
  slices: number,
  rows: number,
  lent: Lent,
): Staging | null {
  const apart = slices * apartBytes;
  const most = Math.min(stagedBytes, scratchBytes / 4) - apart;
  const block = Math.min(rows, Math.max(blockRows, sliceRows * slices));
  const counted = slices * block * rowBytes > most;
  const fitting = counted ? Math.min(block, Math.floor(most / rowBytes)) : block;
  if (fitting < Math.min(rows, leastBlockRows)) return null;
  const bytes = lent.bytes((counted ? 1 : slices) * fitting * rowBytes + apart);
  return bytes.buffer === buffer ? { address: bytes.byteOffset, rows: fitting, rowBytes, counted } : null;
}

function countSlices({ memory }: KernelMemory, slice: Uint16Array, counts: Uint32Array): void {
  counts.fill(0);
  const count = functionFor(memory, 'count slices', () => makeCounter(memory));
  count(slice.byteOffset, slice.byteLength, counts.byteOffset);
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
