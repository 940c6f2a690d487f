import { type BenchTable, ColumnMaker, type DataOptions } from './columns.js';

const columnBytes = 4 + 4 + 8 + 8;

/** The table of the exchange benches: an int key, three columns of payload, 24 bytes a row. */
export function pointsTable(options: DataOptions): BenchTable {
  const { rows } = options;
  const make = new ColumnMaker(options, rows, 9);
  const columns = [
    make.int('k', make.uniform(rows), rows),
    make.int('a', make.uniform(1_000), 1_000),
    make.float('b', make.hundred()),
    make.float('c', make.hundred()),
  ];
  return { name: 'points', rows, columns };
}

export function pointsBytes(rows: number): number {
  return rows * columnBytes;
}
