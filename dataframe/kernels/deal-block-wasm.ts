import type { WasmFunction, WasmMemory } from '../../core/base/kernel-memory.js';
import {
  add,
  type Code,
  copyBytes,
  functionOver,
  giveBack,
  int,
  leU,
  load32,
  loadAs,
  localsOf,
  ltU,
  mul,
  shl,
  statements,
  store32,
  storeAs,
  sub,
  whileTrue,
} from '../codegen/wasm/assemble.js';
import {
  load32Zero,
  load64,
  loadLane,
  loadVector,
  mixed,
  storeLane,
  storeVector,
  vectorOf32,
  vectorsOf,
} from '../codegen/wasm/vector-code.js';
import { type Chunk, chunkBytes, type RowRecord, recordOf } from './deal-record.js';

/** Rows of one step. */
const stepRows = 8;

type Locals = ReturnType<typeof localsOf<string>>;

const fromNames = (sizes: readonly number[]) => sizes.map((_, c) => `from${c}`);
const toNames = (sizes: readonly number[]) => sizes.map((_, c) => `to${c}`);

/**
 * deal(slice, rows, starts, ends, places, slices, ...values): writes rows as records to the addresses that `starts` has for the slices, and
 * to `ends` where those go on. Then it takes the records apart to the addresses in `places`, for each slice one a column, which go on behind
 * what was written. Behind the records of a slice is room for one more chunk.
 */
export function makeBlockDealer(memory: WasmMemory, sizes: readonly number[]): WasmFunction {
  const record = recordOf(sizes);
  const to = toNames(sizes);
  const parameters = ['slice', 'rows', 'starts', 'ends', 'places', 'slices', ...fromNames(sizes)];
  const variables = ['stop', 'place', 'record', 'end', 's', 'p', ...to];
  const locals = localsOf<string>([...parameters, ...variables]);
  const { get, set } = locals;
  const vectors = vectorsOf(lanesOf(record), parameters.length + variables.length);
  const moveSlices = statements(
    set('s', get('starts')),
    set('p', get('places')),
    whileTrue(
      ltU(get('s'), add(get('starts'), shl(get('slices'), int(2)))),
      statements(
        set('record', load32(get('s'))),
        set('end', load32(add(get('s'), sub(get('ends'), get('starts'))))),
        ...to.map((name, c) => set(name, load32(get('p'), 4 * c))),
        takeRecords(record, sizes, locals, vectors, 0),
        ...to.map((name, c) => store32(get('p'), get(name), 4 * c)),
        set('s', add(get('s'), int(4))),
        set('p', add(get('p'), int(4 * sizes.length))),
      ),
    ),
  );
  const body = statements(
    copyBytes(get('ends'), get('starts'), shl(get('slices'), int(2))),
    writeRecords(record, sizes, locals),
    moveSlices,
    giveBack(int(0)),
  );
  return functionOver(memory, parameters.length, variables.length, body, lanesOf(record).length);
}

/**
 * write(slice, rows, ends, ...values): writes rows as records to the addresses that `ends` has for the slices, which go on behind them. Behind
 * the last record of a slice is room for one more chunk.
 */
export function makeRecordWriter(memory: WasmMemory, sizes: readonly number[]): WasmFunction {
  const parameters = ['slice', 'rows', 'ends', ...fromNames(sizes)];
  const variables = ['stop', 'place', 'record'];
  const locals = localsOf<string>([...parameters, ...variables]);
  const body = statements(writeRecords(recordOf(sizes), sizes, locals), giveBack(int(0)));
  return functionOver(memory, parameters.length, variables.length, body);
}

/** take(record, end, ...to): takes the records between two addresses apart, and reads nothing else. */
export function makeRecordReader(memory: WasmMemory, sizes: readonly number[]): WasmFunction {
  const record = recordOf(sizes);
  const parameters = ['record', 'end', ...toNames(sizes)];
  const vectors = vectorsOf(lanesOf(record), parameters.length);
  const { chunks, bytes } = record;
  const beyond = chunks.length === 1 ? 0 : chunks.at(-1)!.at + chunkBytes - bytes;
  const taken = takeRecords(record, sizes, localsOf<string>(parameters), vectors, beyond);
  const body = statements(taken, giveBack(int(0)));
  return functionOver(memory, parameters.length, 0, body, lanesOf(record).length);
}

/** Writes `rows` rows from `slice` and the columns at `from` on, to where `ends` says. */
function writeRecords(record: RowRecord, sizes: readonly number[], { get, set }: Locals): Code {
  const from = fromNames(sizes);
  const some = (rows: number) =>
    statements(
      ...Array.from({ length: rows }, (_, k) =>
        statements(
          set('place', add(get('ends'), shl(loadAs(1, get('slice'), 2 * k), int(2)))),
          set('record', load32(get('place'))),
          store32(get('place'), add(get('record'), int(record.bytes))),
          ...record.chunks.map(chunk => writeChunk(chunk, get('record'), from.map(get), k)),
        ),
      ),
      set('slice', add(get('slice'), int(2 * rows))),
      ...from.map((name, c) => set(name, add(get(name), int(rows * sizes[c]!)))),
    );
  return statements(
    set('stop', add(get('slice'), mul(get('rows'), int(2)))),
    whileTrue(leU(add(get('slice'), int(2 * stepRows)), get('stop')), some(stepRows)),
    whileTrue(ltU(get('slice'), get('stop')), some(1)),
  );
}

/** Takes records apart from `record` to `end`; vectors are loaded from records with `beyond` bytes behind them. */
function takeRecords(
  record: RowRecord,
  sizes: readonly number[],
  { get, set }: Locals,
  vectors: Lanes,
  beyond: number,
): Code {
  const to = toNames(sizes);
  const step = chunkBytes / Math.min(...sizes);
  const some = (rows: number, code: Code) =>
    statements(
      code,
      set('record', add(get('record'), int(rows * record.bytes))),
      ...to.map((name, c) => set(name, add(get(name), int(rows * sizes[c]!)))),
    );
  return statements(
    whileTrue(
      leU(add(get('record'), int(step * record.bytes + beyond)), get('end')),
      some(step, takeApart(record, step, get('record'), to.map(get), vectors)),
    ),
    whileTrue(ltU(get('record'), get('end')), some(1, copyRecord(record, get('record'), to.map(get)))),
  );
}

/** The values of row `k` behind what `from` has come to. */
function writeChunk({ fields, at, bytes }: Chunk, record: Code, from: readonly Code[], k: number): Code {
  const log2 = Math.log2(bytes);
  const [first, ...others] = fields;
  if (others.length === 0)
    return storeAs(log2, record, loadAs(log2, from[first!.column]!, k * first!.bytes), at);
  const value = fields.reduce(
    (vector: Code, field) => {
      const [values, offset] = [from[field.column]!, k * field.bytes];
      if (field.at === 0 && field.bytes === 8) return load64(values, offset);
      if (field.at === 0 && field.bytes === 4) return load32Zero(values, offset);
      return loadLane(Math.log2(field.bytes), values, vector, offset, field.at / field.bytes);
    },
    vectorOf32([0, 0, 0, 0]),
  );
  return bytes === chunkBytes ? storeVector(record, value, at) : storeLane(log2, record, value, at, 0);
}

type Lanes = ReturnType<typeof vectorsOf<string>>;

const laneOf = (v: number) => `lane${v}`;

function lanesOf({ chunks }: RowRecord): string[] {
  const most = Math.max(...chunks.map(({ fields }) => chunkBytes / fields.at(-1)!.bytes));
  return [...Array.from({ length: most }, (_, v) => laneOf(v)), 'other'];
}

/** As many records as fill a vector with the smallest of their values. */
function takeApart(record: RowRecord, rows: number, at: Code, to: readonly Code[], lanes: Lanes): Code {
  const gapless = record.chunks.length === 1;
  const code = record.chunks.map((chunk): Code => {
    const bytes = gapless ? chunk.bytes : chunkBytes;
    const some = chunkBytes / chunk.fields.at(-1)!.bytes;
    const count = (some * bytes) / chunkBytes;
    const spaced = gapless ? chunkBytes : record.bytes;
    return Array.from({ length: rows / some }, (_, g) =>
      statements(
        ...Array.from({ length: count }, (_, v) =>
          lanes.set(laneOf(v), loadVector(at, (g * count + v) * spaced + chunk.at)),
        ),
        part(chunk, 0, bytes, 0, 1, g * some),
      ),
    ).flat();
  });
  return code.flat();

  /** Of each record `bytes` that begin at `from` of the chunk: they lie in lanes first, first + step, … one behind another. */
  function part(chunk: Chunk, from: number, bytes: number, first: number, step: number, row: number): Code {
    const inside = chunk.fields.filter(field => field.at >= from && field.at < from + bytes);
    const [field] = inside;
    if (field === undefined) return [];
    const some = chunkBytes / chunk.fields.at(-1)!.bytes;
    const count = (some * bytes) / chunkBytes;
    const lane = (i: number) => laneOf(first + i * step);
    if (field.bytes === bytes) {
      const stored = Array.from({ length: count }, (_, i) =>
        storeVector(to[field.column]!, lanes.get(lane(i)), row * bytes + i * chunkBytes),
      );
      return stored.flat();
    }
    const half = bytes / 2;
    const [even, odd] = [0, half].map(begin =>
      Array.from({ length: chunkBytes }, (_, i) => Math.floor(i / half) * bytes + begin + (i % half)),
    ) as [number[], number[]];
    const parted = Array.from({ length: count / 2 }, (_, i) => {
      const [a, b] = [lane(2 * i), lane(2 * i + 1)];
      return statements(
        lanes.set('other', mixed(lanes.get(a), lanes.get(b), even)),
        lanes.set(b, mixed(lanes.get(a), lanes.get(b), odd)),
        lanes.set(a, lanes.get('other')),
      );
    });
    return statements(
      ...parted,
      part(chunk, from, half, first, 2 * step, row),
      part(chunk, from + half, half, first + step, 2 * step, row),
    );
  }
}

function copyRecord({ chunks }: RowRecord, record: Code, to: readonly Code[]): Code {
  const copied = chunks.map(({ fields, at: before }) =>
    fields.map(({ column, bytes, at }) => {
      const log2 = Math.log2(bytes);
      return storeAs(log2, to[column]!, loadAs(log2, record, before + at), 0);
    }),
  );
  return copied.flat(2);
}
