import { type BenchColumn, type BenchTable, ColumnMaker, type DataOptions } from './columns.js';

const valuesPerKey = 100;

/** The table of duckdblabs/db-benchmark's group-by task, K = 100. */
export function groupbyTables(options: DataOptions): BenchTable[] {
  const { rows } = options;
  const many = Math.max(1, Math.round(rows / valuesPerKey));
  const make = new ColumnMaker(options, rows, 0);
  const columns = [
    make.text('id1', 'category', make.uniform(valuesPerKey), valuesPerKey, 3),
    make.text('id2', 'category', make.uniform(valuesPerKey), valuesPerKey, 3),
    make.text('id3', 'category', make.uniform(many), many, 10),
    make.int('id4', make.uniform(valuesPerKey), valuesPerKey),
    make.int('id5', make.uniform(valuesPerKey), valuesPerKey),
    make.int('id6', make.uniform(many), many),
    make.int('v1', make.uniform(5), 5),
    make.int('v2', make.uniform(15), 15),
    make.float('v3', make.hundred()),
  ];
  return [{ name: 'x', rows, columns: options.sorted ? sortedByKeys(columns, rows) : columns }];
}

/** A stable counting sort per key, the last key first; nulls come first. */
function sortedByKeys(columns: readonly BenchColumn[], rows: number): BenchColumn[] {
  let order = Int32Array.from({ length: rows }, (_, i) => i);
  for (const { values, nulls, max } of columns.slice(0, 6).reverse()) {
    const starts = new Int32Array(max + 2);
    const keyOf = (row: number) => (nulls?.[row] === 1 ? 0 : values[row]!);
    for (let i = 0; i < rows; i++) starts[keyOf(i) + 1]!++;
    for (let k = 1; k < starts.length; k++) starts[k]! += starts[k - 1]!;
    const next = new Int32Array(rows);
    for (let i = 0; i < rows; i++) next[starts[keyOf(order[i]!)]!++] = order[i]!;
    order = next;
  }
  return columns.map(column => {
    const values = column.values.slice();
    const nulls = column.nulls?.slice() ?? null;
    for (let i = 0; i < rows; i++) {
      values[i] = column.values[order[i]!]!;
      if (nulls !== null) nulls[i] = column.nulls![order[i]!]!;
    }
    return { ...column, values, nulls };
  });
}
