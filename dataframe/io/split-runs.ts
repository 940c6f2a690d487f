import type { Split } from './source.js';

/** Consecutive splits of one file. */
export function splitsByFile(splits: readonly Split[]): Split[][] {
  return runsOf(splits, (run, split) => run[0]!.path === split.path);
}

/** Consecutive splits of one file that have at most so many rows together; those of one that has more by itself. */
export function splitsUpTo(rows: number, splits: readonly Split[]): Split[][] {
  let sum = splits[0]?.rows ?? 0;
  return runsOf(splits, (run, split) => {
    const joins = run[0]!.path === split.path && sum + split.rows <= rows;
    sum = split.rows + (joins ? sum : 0);
    return joins;
  });
}

/** `joins`: whether a split goes on with the run before it. Asked for all but the first, in order. */
function runsOf(
  splits: readonly Split[],
  joins: (run: readonly Split[], split: Split) => boolean,
): Split[][] {
  const runs: Split[][] = [];
  for (const split of splits) {
    const run = runs.at(-1);
    if (run !== undefined && joins(run, split)) run.push(split);
    else runs.push([split]);
  }
  return runs;
}
