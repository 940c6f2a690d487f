import { VolleyError } from '../../../core/base/errors.js';
import { compileText } from '../../codegen/wasm/kernel.js';
import type { Validity } from '../../column/bitmap.js';
import type { Batch, Column, Dictionary, Physical, Values } from '../../column/column.js';
import type { Schema } from '../../column/datatype.js';
import { columnIndex, columnOf, physicalOf } from '../../column/layout.js';
import { rangeOf } from '../../column/range.js';
import { combineDigits, type DigitPlace, digitsThere, takeDigits } from '../../kernels/digits-wasm.js';
import { Binder } from '../../kernels/fused-text.js';
import type { Lent } from '../../kernels/lent.js';
import { filledColumn, unfilledColumn } from '../../kernels/unfilled.js';
import { validBits } from '../../kernels/valid-bits.js';
import type { PackedField, PackStep, UnpackStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { packedSchema, unpackedSchema } from '../schema.js';

/** Key columns become one of 64 bits: a digit of each, null being the digit above all others. */
export function packOperator(step: PackStep, before: Schema, lent: Lent): Operator {
  const schema = packedSchema(step, before);
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const rest = step.rest.map(name => columnOf(batch, name));
      emit({ schema, rows: batch.rows, columns: [packColumns(step, batch, lent), ...rest] }, entry);
    },
    finish() {},
  };
}

type Pack = (P: readonly unknown[], out: Int32Array, from: number, rows: number) => void;

function packColumns({ fields }: PackStep, batch: Batch, lent: Lent): Column {
  const { rows } = batch;
  const binder = new Binder();
  const words = ['', ''];
  const terms = fields.map(field => {
    const column = columnOf(batch, field.column);
    checkFits(column, field);
    const digit = digitText(column, field, binder);
    const term = field.shift === 0 ? digit : `(${digit}<<${binder.bind(field.shift)})`;
    words[field.word] += `${words[field.word] === '' ? '' : '|'}${term}`;
    return { column, base: field.base, size: field.size, factor: 1 << field.shift, word: field.word };
  });
  const values = lent.values('i64', rows, false) as Int32Array;
  const done = combineDigits(terms, values, true, rows);
  compileText<Pack>(
    ['P', 'out', 'from', 'rows'],
    `${binder.text()}for(let i=from;i<rows;i++){out[2*i]=${words[0] || 0};out[2*i+1]=${words[1] || 0};}`,
    rows - done,
  )(binder.values, values, done, rows);
  const type = { kind: 'int64' } as const;
  return { type, physical: 'i64', length: rows, nullCount: 0, validity: null, values, dictionary: null };
}

function digitText(column: Column, { base, size }: PackedField, binder: Binder): string {
  let text = `${binder.bind(column.values, column.physical)}[i]`;
  if (column.physical === 'f64') text = `(${text}-${binder.bind(base)})`;
  else if (base !== 0) text = `(${text}-${binder.bind(base)}|0)`;
  if (column.validity === null) return text;
  const bits = binder.bind(column.validity);
  return `(((${bits}[i>>3]>>(i&7))&1)===0?${binder.bind(size)}:${text})`;
}

/** The plan saw the bounds and dictionaries of every partition. */
function checkFits(column: Column, { column: name, base, size, dictionary }: PackedField): void {
  const { physical } = column;
  const range = rangeOf(column);
  const inside =
    physical === 'code'
      ? column.dictionary!.id === dictionary
      : physical === 'bool' || (range !== undefined && range.min >= base && range.max < base + size);
  if (column.length > 0 && column.nullCount < column.length && !inside)
    throw new VolleyError('CORRUPT_PARTITION', `"${name}" holds other values than its table was said to`, {
      column: name,
    });
}

/** The columns that packOperator made one of; text has the dictionaries of the rows of `source`. */
export function unpackOperator(step: UnpackStep, before: Schema, source: Batch | null, lent: Lent): Operator {
  const schema = unpackedSchema(step, before);
  const at = columnIndex(before, step.name);
  const dictionaries = step.fields.map(({ column, dictionary }) =>
    dictionary === null ? null : dictionaryOf(source, column, dictionary),
  );
  return {
    schema,
    done: false,
    push(batch, entry, emit) {
      const packed = filledColumn(batch.columns[at]!, lent);
      const columns = step.fields.map((field, k) => unpackColumn(packed, field, dictionaries[k]!, lent));
      emit(
        { schema, rows: batch.rows, columns: [...columns, ...batch.columns.filter((_, c) => c !== at)] },
        entry,
      );
    },
    finish() {},
  };
}

function dictionaryOf(source: Batch | null, name: string, id: string): Dictionary {
  const dictionary = source === null ? null : columnOf(source, name).dictionary;
  if (dictionary?.id === id) return dictionary;
  throw new VolleyError('CORRUPT_PARTITION', `the dictionary of "${name}" is not the one that was packed`, {
    column: name,
  });
}

function unpackColumn(packed: Column, field: PackedField, dictionary: Dictionary | null, lent: Lent): Column {
  const { type, base, size, word, shift, nullable } = field;
  const { length } = packed;
  const physical = physicalOf(type);
  const place: DigitPlace = { pairs: packed.values as Int32Array, word, shift, mask: maskOf(size) };
  const validity: Validity = nullable
    ? validityOf(place, size, length, lent)
    : { validity: null, nullCount: 0 };
  const fill = (values: Values, target: Physical) => {
    // Pairs of words are Int32Arrays, too.
    const done = target === 'i64' ? 0 : takeDigits(place, size, base, values, length);
    if (done < length) fillFrom(done, place, field, values, target, length);
  };
  const column = { type, physical, length, ...validity, dictionary };
  if (physical === 'code' || physical === 'bool') return unfilledColumn(column, fill);
  const range = {
    min: nullable ? Math.min(base, 0) : base,
    max: Math.max(base + size - 1, nullable ? 0 : base),
  };
  return unfilledColumn({ ...column, range }, fill);
}

/** Text of the digit of a row. */
function digitOf({ pairs, word, shift, mask }: DigitPlace, binder: Binder): (row: string) => string {
  const [from, by, digits] = [pairs, shift, mask].map(value => binder.bind(value));
  return row => `(${from}[2*${row}${word === 0 ? '' : '+1'}]>>>${by}&${digits})`;
}

/** Writes the values of rows from .. rows-1. */
function fillFrom(
  from: number,
  place: DigitPlace,
  { base, size, nullable }: PackedField,
  out: Values,
  target: Physical,
  rows: number,
): void {
  const binder = new Binder();
  const digit = `const d=${digitOf(place, binder)('i')};`;
  const plain = base === 0 ? 'd' : `d+${binder.bind(base)}`;
  const value = nullable ? `(d===${binder.bind(size)}?0:${plain})` : plain;
  const store =
    target === 'i64'
      ? `const v=${value};out[2*i]=v|0;out[2*i+1]=Math.floor(v/4294967296);`
      : `out[i]=${value};`;
  compileText<(P: readonly unknown[], out: Values, from: number, rows: number) => void>(
    ['P', 'out', 'from', 'rows'],
    `/* unpack ${target} */${binder.text()}for(let i=from;i<rows;i++){${digit}${store}}`,
    rows - from,
  )(binder.values, out, from, rows);
}

/** Null is the digit `none`. */
function validityOf(place: DigitPlace, none: number, rows: number, lent: Lent): Validity {
  const isValid = (binder: Binder) => {
    const [digit, size] = [digitOf(place, binder), binder.bind(none)];
    return (row: string) => `(${digit(row)}!==${size}|0)`;
  };
  return validBits(isValid, rows, lent, bits => digitsThere(place, none, bits, rows));
}

function maskOf(size: number): number {
  return 2 ** (32 - Math.clz32(size)) - 1;
}
