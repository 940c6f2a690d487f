import { createBuilder } from '../column/builder.js';
import type { Batch } from '../column/column.js';
import { DataType, type Schema } from '../column/datatype.js';

export const randomSchema: Schema = [
  { name: 'k', type: DataType.Int32 },
  { name: 'i', type: DataType.Int64 },
  { name: 'x', type: DataType.Float64 },
  { name: 'y', type: DataType.Float64 },
  { name: 's', type: DataType.Utf8 },
  { name: 't', type: DataType.Utf8 },
  { name: 'b', type: DataType.Bool },
  { name: 'c', type: DataType.Bool },
  { name: 'd', type: DataType.Date },
  { name: 'u', type: DataType.Timestamp('us') },
];

const strange = [NaN, -0, 0, Infinity, -Infinity, 0.5, -0.5, 1.5, -2.5, 0.49999999999999994, 1e300, 1e-300];
const words = ['', 'a', 'aa', 'ab', 'B', 'é', 'Zürich', '😀x', '10', '-7', 'nope', ' pad ', 'a.b', 'LAS'];

/** Rows with nulls, NaN, −0, infinities, duplicate keys and non-ASCII text. `random` gives [0, 1). */
export function randomBatch(random: () => number, rows: number, nullShare = 0.15): Batch {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const int = (most: number) => Math.floor(random() * (2 * most + 1)) - most;
  const makers: Record<string, (append: ReturnType<typeof createBuilder>) => void> = {
    k: b => b.appendNumber(int(5)),
    i: b => b.appendNumber(random() < 0.5 ? int(20) : int(1e12)),
    x: b => b.appendNumber(random() < 0.2 ? pick(strange) : (random() - 0.5) * 10 ** int(6)),
    y: b => b.appendNumber(random() < 0.2 ? pick(strange) : int(10) / 4),
    s: b => b.appendString(pick(words)),
    t: b => b.appendString(pick(words)),
    b: b => b.appendBool(random() < 0.5),
    c: b => b.appendBool(random() < 0.5),
    d: b => b.appendNumber(int(40_000)),
    u: b => b.appendNumber(int(4e15)),
  };
  const columns = randomSchema.map(({ name, type }) => {
    const builder = createBuilder(type, rows);
    for (let row = 0; row < rows; row++) {
      if (random() < nullShare) builder.appendNull();
      else makers[name]!(builder);
    }
    return builder.finish();
  });
  return { schema: randomSchema, rows, columns };
}

/** A seed of this run, printed so that a failure can be repeated: VOLLEY_SEED=… npx vitest run … */
export function testSeed(): number {
  const given = process.env.VOLLEY_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.log(`seed ${seed}`);
  return seed;
}
