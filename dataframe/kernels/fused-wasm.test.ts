import { expect, test } from 'vitest';
import { workFor } from '../../core/base/kernel-memory.js';
import { seededRng } from '../../core/base/rng.js';
import { packValidity } from '../column/bitmap.js';
import type { Column, Physical, Values } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { allocateValues, viewValues } from '../column/layout.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import { countInstances } from '../testing/wasm-instances.js';
import { CorrelationAccumulator } from './aggregate-correlation.js';
import { FusedGroups } from './fused.js';
import type { FusedOp, FusedSpec } from './fused-layout.js';
import { Lent } from './lent.js';

const seed = testSeed();
const rows = 9001;
const arenaBytes = 64 * 1024 * 1024;

type Random = () => number;

interface Case {
  readonly keys: readonly Column[];
  readonly specs: readonly FusedSpec[];
  readonly inputs: readonly { column: Column | null; filter: Column | null }[];
}

const kinds: readonly (readonly [DataType, Physical, (random: Random) => number])[] = [
  [DataType.Int32, 'i32', random => Math.floor(random() * 50) - 20],
  [DataType.Int32, 'i32', random => (random() * 2 ** 32) | 0],
  [DataType.Int8, 'i8', random => Math.floor(random() * 256) - 128],
  [DataType.UInt16, 'u16', random => Math.floor(random() * 65_536)],
  [DataType.UInt32, 'u32', random => Math.floor(random() * 2 ** 32)],
  [DataType.Int64, 'f64', random => Math.floor((random() - 0.5) * 2 ** 53)],
  [DataType.Float64, 'f64', random => (random() < 0.02 ? Number.NaN : (random() - 0.5) * 1e9)],
  [DataType.Float32, 'f32', random => (random() - 0.5) * 1e9],
];

function columnOf(random: Random, kind: number, nulls: boolean, place: (p: Physical) => Values): Column {
  const [type, physical, value] = kinds[kind]!;
  const values = place(physical);
  const flags = new Uint8Array(rows).fill(1);
  for (let i = 0; i < rows; i++) {
    if (nulls && random() < 0.2) flags[i] = 0;
    else values[i] = value(random);
  }
  return { type, physical, length: rows, ...packValidity(flags, rows), values, dictionary: null };
}

function randomCase(random: Random, place: (p: Physical) => Values): Case {
  const pick = (n: number) => Math.floor(random() * n);
  const keys = Array.from({ length: 1 + pick(3) }, () =>
    columnOf(random, [0, 0, 2, 3][pick(4)]!, random() < 0.3, place),
  );
  const ops: FusedOp[] = ['sum', 'mean', 'min', 'max', 'count', 'len'];
  const specs: FusedSpec[] = [];
  const inputs = Array.from({ length: 1 + pick(5) }, (_, k) => {
    const op = ops[pick(ops.length)]!;
    const column = op === 'len' ? null : columnOf(random, pick(kinds.length), random() < 0.3, place);
    const bits = columnOf(random, 2, random() < 0.3, place);
    const flags = (bits.values as Int8Array).map(v => v & 1);
    const filter = {
      ...bits,
      type: DataType.Bool,
      physical: 'bool',
      values: new Uint8Array(flags),
    } as Column;
    specs.push({ name: op, op, type: column?.type ?? DataType.Null, rowsKey: `${k}` });
    return { column, filter: random() < 0.25 ? filter : null };
  });
  return { keys, specs, inputs };
}

/** The bits of everything that a task would hold after two entries. */
function stateOf({ keys, specs, inputs }: Case, tier: 'dense' | 'packed' | undefined): string {
  const lent = new Lent();
  const options = {
    keys: keys.map(({ type }) => type),
    specs,
    merging: false,
    numbered: specs.length % 2 === 0,
    lent,
  };
  const groups = new FusedGroups({ ...options, ...(tier === undefined ? {} : { tier }) });
  const ids = [0, 0, 1].map(entry => [...(groups.addRows(keys, inputs, rows, entry) ?? [])].join());
  const corr = new CorrelationAccumulator(lent);
  const numbers = inputs.find(({ column }) => column?.physical === 'i32')?.column ?? null;
  if (options.numbered && numbers !== null) {
    corr.resize(groups.count);
    corr.update(numbers, Int32Array.from(ids[0]!.split(',').map(Number)), rows, null, numbers);
  }
  groups.settle();
  // Which of its bits a NaN has is left open by both languages.
  const hex = (array: Values) =>
    Buffer.from(array.map(each => (Number.isNaN(each) ? Number.NaN : each)).buffer).toString('hex');
  const order = groups.order();
  const { layout } = groups.state;
  // Behind groups that are numbered as they come the state may hold anything.
  const places = order === null ? groups.count : groups.state.places;
  const state = groups.state.numbers.subarray(0, places * layout.width);
  // So may totals that nothing was folded into.
  const lasts = groups.state.lasts.subarray(0, layout.totalWidth === 0 ? 0 : places);
  const totals = groups.state.totals.subarray(0, lasts.length * layout.totalWidth);
  const folded = totals.map((total, k) => (lasts[Math.floor(k / layout.totalWidth)] === 0 ? 0 : total));
  const state64 = [state, lasts, folded, ...corr.state().map(c => c.values)].map(hex);
  const text = [
    groups.count,
    ...ids,
    order?.join(),
    ...groups.keyColumns().map(c => hex(c.values)),
    ...state64,
  ].join('\n');
  groups.close();
  lent.giveBack();
  return text;
}

test('groups have the same bits whether they were made by JavaScript or by WebAssembly', () => {
  const slabs = workInKernelMemory(4 * 1024 * 1024, arenaBytes);
  workFor(null);
  let end = 0;
  const inArena = (physical: Physical) => {
    const offset = end;
    end = (end + rows * 8 + 63) & ~63;
    return viewValues(physical, slabs.buffer, offset, rows).fill(0) as Values;
  };
  const onHeap = (physical: Physical) => allocateValues(physical, rows);
  const cases = Array.from({ length: 60 }, (_, k) =>
    randomCase(seededRng(seed + k), k < 30 ? inArena : onHeap),
  );
  const tiers = [undefined, 'dense', 'packed'] as const;
  const all = () => cases.map((each, k) => stateOf(each, tiers[k % 3]));
  const expected = all();
  workFor(0);
  const instances = countInstances();
  try {
    const found = all();
    for (const [k, text] of found.entries())
      expect(text === expected[k], `case ${k} of seed ${seed}`).toBe(true);
    expect(instances.made).toBeGreaterThan(60);
  } finally {
    instances.stop();
  }
});
