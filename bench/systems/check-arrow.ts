import * as arrow from 'apache-arrow';
import type { Schema } from '../../index.js';
import type { Check } from './protocol.js';

const numericKinds = /^(?:u?int|float)\d/;

export function numericNames(schema: Schema): string[] {
  return schema.filter(({ type }) => numericKinds.test(type.kind)).map(({ name }) => name);
}

/** Row count and the sum of every numeric column, read from the Arrow buffers. */
export function checkArrow(table: arrow.Table): Check {
  const sums: Record<string, number> = {};
  table.schema.fields.forEach(({ name, type }, c) => {
    if (!arrow.DataType.isInt(type) && !arrow.DataType.isFloat(type)) return;
    let sum = 0;
    for (const chunk of table.getChildAt(c)!.data) sum += sumChunk(chunk);
    sums[name] = sum;
  });
  return { rows: table.numRows, sums };
}

function sumChunk(data: arrow.Data): number {
  const { length, offset, values } = data;
  const bits = data.nullCount > 0 ? data.nullBitmap : null;
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return sumBig(values, data, bits);
  const numbers = values as Float64Array;
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < length; i++) {
    if (bits !== null && ((bits[(offset + i) >> 3]! >> ((offset + i) & 7)) & 1) === 0) continue;
    const value = numbers[i]!;
    if (Number.isNaN(value)) continue;
    const term = value - lost;
    const next = sum + term;
    lost = next - sum - term;
    sum = next;
  }
  return sum;
}

/** As two halves of 32 bits: a BigInt per row would take longer than the question. */
function sumBig(values: BigInt64Array | BigUint64Array, data: arrow.Data, bits: Uint8Array | null): number {
  const words = new Int32Array(values.buffer, values.byteOffset, 2 * data.length);
  let low = 0;
  let high = 0;
  for (let i = 0; i < data.length; i++) {
    if (bits !== null && ((bits[(data.offset + i) >> 3]! >> ((data.offset + i) & 7)) & 1) === 0) continue;
    low += words[2 * i]! >>> 0;
    high += words[2 * i + 1]!;
  }
  return high * 4294967296 + low;
}
