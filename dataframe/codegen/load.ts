import type { Column } from '../column/column.js';
import { entryValues } from '../column/decimal-entries.js';
import { UnsafeDecimal } from './emit-decimal.js';
import type { Emitted, Emitter } from './emitter.js';

/** Reads one column at `index`: `i` is the row of the batch, `j` the position among the rows of the loop. */
export function loadColumn(emitter: Emitter, column: Column, index: string): Emitted {
  const { type, physical } = column;
  if (type.kind === 'null' || (column.nullCount === column.length && column.length > 0)) {
    return { form: 'null', type, isNull: 'true' };
  }
  const values = emitter.bind(column.values);
  let isNull: string | null = null;
  if (column.validity !== null) {
    const bits = emitter.bind(column.validity);
    isNull = emitter.local(`((${bits}[${index}>>3]>>(${index}&7))&1)===0`, 'n');
  }
  if (type.kind === 'decimal') return loadDecimal(emitter, column, values, index, isNull);
  switch (physical) {
    case 'bool':
      return { form: 'bool', type, isNull, code: emitter.local(`${values}[${index}]!==0`, 'b') };
    case 'i64': {
      const sign = type.kind === 'uint64' ? '>>>0' : '';
      const high = emitter.local(`${values}[2*${index}+1]${sign}`, 'h');
      const low = emitter.local(`${values}[2*${index}]>>>0`, 'l');
      return { form: 'pair', type, isNull, high, low };
    }
    case 'code': {
      const code = emitter.local(`${values}[${index}]`, 's');
      return { form: 'text', type, isNull, code, dictionary: column.dictionary! };
    }
    default:
      return { form: 'number', type, isNull, code: emitter.local(`${values}[${index}]`) };
  }
}

/** Null slots hold 0, so they are bigints like all others. */
function loadDecimal(
  emitter: Emitter,
  { type, physical, dictionary }: Column,
  values: string,
  index: string,
  isNull: string | null,
): Emitted {
  if (!emitter.huge) {
    if (physical !== 'f64') throw new UnsafeDecimal();
    return { form: 'number', type, isNull, code: emitter.local(`${values}[${index}]`) };
  }
  let text = `BigInt(${values}[${index}])`;
  if (physical === 'i64') text = `(BigInt(${values}[2*${index}+1])<<32n)|BigInt(${values}[2*${index}]>>>0)`;
  else if (physical === 'code') text = `${emitter.bind(entryValues(dictionary!))}[${values}[${index}]]`;
  return { form: 'big', type, isNull, code: emitter.local(text) };
}
