import { col, type DataFrame, len, type Session } from '../../index.js';

/** Dataframe jobs the end-to-end tests run, small enough to repeat and cut into many partitions. */

/** `rows` rows of g (0..96), v (floats that do not add up exactly) and s (strings), in `partitions` partitions. */
export function rowsIn(session: Session, rows: number, partitions: number): DataFrame {
  const records = Array.from({ length: rows }, (_, i) => ({
    g: (i * 7919) % 97,
    v: ((i * 2_654_435_761) % 1000) / 7,
    s: `k${(i * 31) % 1009}`,
  }));
  return session.fromRecords(records, { partitions });
}

export function totals(frame: DataFrame): DataFrame {
  return frame
    .groupBy('g')
    .agg(len().alias('rows'), col('v').sum().alias('v'), col('v').mean().alias('m'))
    .sort('g');
}

/** A join and a group-by that both shuffle, whatever their size. */
export async function shuffledTotals(session: Session): Promise<object[]> {
  const left = rowsIn(session, 120_000, 12);
  const right = rowsIn(session, 5_000, 4).groupBy('s').agg(len().alias('weight'));
  const joined = left
    .join(right, { on: 's' })
    .groupBy('s')
    .agg(col('v').sum().alias('v'), col('weight').sum().alias('w'));
  return joined.sort('s').with({ fanOut: 6, broadcastBytes: 0 }).toRecords();
}
