import { createBuilder } from '../column/builder.js';
import type { Batch } from '../column/column.js';
import { DataType, type Schema } from '../column/datatype.js';
import { type DecimalType, powerOf10 } from '../column/decimal.js';
import type { DecimalBuilder } from '../column/decimal-builder.js';

const decimal = (precision: number, scale: number) => DataType.Decimal(precision, scale) as DecimalType;

/** `n` numbers the rows; the decimals are of few digits, up to 64 bits, and up to 128. */
export const decimalSchema: Schema = [
  { name: 'n', type: DataType.Int32 },
  { name: 'k', type: DataType.Int64 },
  { name: 'x', type: DataType.Float64 },
  { name: 'a', type: decimal(9, 2) },
  { name: 'b', type: decimal(18, 4) },
  { name: 'c', type: decimal(38, 6) },
  { name: 'd', type: decimal(30, 0) },
  { name: 'e', type: decimal(20, 10) },
];

/** An unscaled value of up to `digits` digits: often short or repeated, now and then all nines. */
export function randomUnscaled(random: () => number, digits: number): bigint {
  const sign = random() < 0.5 ? -1n : 1n;
  if (random() < 0.2) return sign * BigInt(Math.floor(random() * 4));
  const size = 1 + Math.floor(random() * digits);
  if (random() < 0.1) return sign * (powerOf10(size) - 1n);
  let value = 0n;
  for (let k = 0; k < size; k++) value = value * 10n + BigInt(Math.floor(random() * 10));
  return sign * value;
}

/**
 * Rows of decimals with nulls. Blocks of `blockRows` rows hold short values only or long ones too, so that partitions
 * of a table have different physical forms. `spare`: digits by which values stay below the precision.
 */
export function randomDecimals(random: () => number, rows: number, blockRows: number, spare = 0): Batch {
  // The first holds long values, the second short ones, whatever the seed.
  const short = Array.from({ length: Math.ceil(rows / blockRows) }, (_, b) =>
    b < 2 ? b === 1 : random() < 0.4,
  );
  const columns = decimalSchema.map(({ name, type }, c) => {
    const builder = createBuilder(type, rows);
    for (let row = 0; row < rows; row++) {
      if (name === 'n') builder.appendNumber(row);
      else if (random() < 0.15) builder.appendNull();
      else if (type.kind === 'decimal') {
        const most = short[(Math.floor(row / blockRows) + c) % short.length] ? 4 : type.precision - spare;
        (builder as DecimalBuilder).appendUnscaled(randomUnscaled(random, Math.min(most, type.precision)));
      } else if (name === 'k') builder.appendNumber(Math.floor(random() * 9) - 4);
      else builder.appendNumber(Math.floor(random() * 4000) / 64 - 30);
    }
    return builder.finish();
  });
  return { schema: decimalSchema, rows, columns };
}
