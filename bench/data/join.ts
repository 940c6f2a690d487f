import { seededRng } from '../../core/base/rng.js';
import { type BenchTable, ColumnMaker, type DataOptions, shuffle } from './columns.js';

/** Keys of one size: 90 % are in both sides. */
interface Keys {
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly max: number;
}

/** The tables of duckdblabs/db-benchmark's join task: one left, three right sides of N/1e6, N/1e3 and N rows. */
export function joinTables(options: DataOptions): BenchTable[] {
  const { rows } = options;
  const sizes = [Math.max(10, Math.round(rows / 1e6)), Math.max(10, Math.round(rows / 1e3)), rows];
  const keys = sizes.map((n, i) => splitKeys(n, options.seed * 31 + i));
  const [small, medium, big] = keys as [Keys, Keys, Keys];
  return [
    leftTable(options, small, medium, big),
    rightSmall(options, small),
    rightMedium(options, small, medium),
    rightBig(options, small, medium, big),
  ];
}

/** 1..1.1n shuffled: the first 0.9n are common, the next 0.1n only left, the last 0.1n only right. */
function splitKeys(n: number, seed: number): Keys {
  const only = Math.round(n / 10);
  const all = shuffle(
    Int32Array.from({ length: n + only }, (_, i) => i + 1),
    seededRng(seed),
  );
  const right = new Int32Array(n);
  right.set(all.subarray(0, n - only));
  right.set(all.subarray(n), n - only);
  return { left: all.slice(0, n), right, max: n + only };
}

function leftTable(options: DataOptions, small: Keys, medium: Keys, big: Keys): BenchTable {
  const { rows } = options;
  const make = new ColumnMaker(options, rows, 1);
  const id1 = make.sampleAll(small.left);
  const id2 = make.sampleAll(medium.left);
  const id3 = make.sampleAll(big.left);
  const columns = [
    make.int('id1', id1, small.max),
    make.int('id2', id2, medium.max),
    make.int('id3', id3, big.max),
    make.text('id4', 'category', id1, small.max),
    make.text('id5', 'category', id2, medium.max),
    make.text('id6', 'text', id3, big.max),
    make.float('v1', make.hundred()),
  ];
  return { name: 'x', rows, columns };
}

function rightSmall(options: DataOptions, small: Keys): BenchTable {
  const rows = small.right.length;
  const make = new ColumnMaker(options, rows, 2);
  const id1 = make.sampleAll(small.right);
  const columns = [
    make.int('id1', id1, small.max),
    make.text('id4', 'category', id1, small.max),
    make.float('v2', make.hundred()),
  ];
  return { name: 'small', rows, columns };
}

function rightMedium(options: DataOptions, small: Keys, medium: Keys): BenchTable {
  const rows = medium.right.length;
  const make = new ColumnMaker(options, rows, 3);
  const id1 = make.sampleAll(small.right);
  const id2 = make.sampleAll(medium.right);
  const columns = [
    make.int('id1', id1, small.max),
    make.int('id2', id2, medium.max),
    make.text('id4', 'category', id1, small.max),
    make.text('id5', 'category', id2, medium.max),
    make.float('v2', make.hundred()),
  ];
  return { name: 'medium', rows, columns };
}

function rightBig(options: DataOptions, small: Keys, medium: Keys, big: Keys): BenchTable {
  const rows = big.right.length;
  const make = new ColumnMaker(options, rows, 4);
  const id1 = make.sampleAll(small.right);
  const id2 = make.sampleAll(medium.right);
  const id3 = make.sampleAll(big.right);
  const columns = [
    make.int('id1', id1, small.max),
    make.int('id2', id2, medium.max),
    make.int('id3', id3, big.max),
    make.text('id4', 'category', id1, small.max),
    make.text('id5', 'category', id2, medium.max),
    make.text('id6', 'text', id3, big.max),
    make.float('v2', make.hundred()),
  ];
  return { name: 'big', rows, columns };
}
