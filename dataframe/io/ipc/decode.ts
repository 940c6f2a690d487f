import { assert } from '../../../core/base/assert.js';
import type { Column, Values } from '../../column/column.js';
import { bytesOfValues, nullColumn, physicalOf, viewValues } from '../../column/layout.js';
import { columnOfWords } from '../../column/words.js';
import { takeOptional } from '../../kernels/take.js';
import { elements } from './buffers.js';
import { decimals } from './decimals.js';
import { fixedLists, lists } from './lists.js';
import type { Located } from './locate.js';
import { bufferOf, type DecodeContext, type Nulls, nulls0, nullsOf, unpackBits } from './nulls.js';
import { fixedText, text, viewText } from './text.js';

/** The column of one field of a record batch. @throws RangeError */
export function decodeField(located: Located, context: DecodeContext): Column {
  const { field, length } = located;
  const { layout, type } = field;
  if (layout.kind === 'null') return nullColumn(type, length);
  assert(layout.kind !== 'refused', 'columns that cannot be read are refused before');
  const nulls = nullsOf(located, context);
  if (length === 0 && layout.kind !== 'list' && layout.kind !== 'struct') return nullColumn(type, 0);
  switch (layout.kind) {
    case 'bool':
      return plain(located, nulls, unpackBits(bufferOf(located, 1, context), length));
    case 'plain':
      return plain(located, nulls, rawValues(located, context));
    case 'half':
      return plain(located, nulls, halves(elements(Uint16Array, bufferOf(located, 1, context), length)));
    case 'narrow':
      return plain(
        located,
        nulls,
        new Float64Array(elements(Int32Array, bufferOf(located, 1, context), length)),
      );
    case 'words':
      return columnOfWords(type, zeroed(wordsOf(located, context, 2), 2, nulls), nulls0(nulls));
    case 'decimal':
      return decimals(located, bufferOf(located, 1, context), nulls);
    case 'bytes':
      return text(located, nulls, context);
    case 'view':
      return viewText(located, nulls, context);
    case 'fixedBytes':
      return fixedText(located, nulls, context);
    case 'codes':
      return codes(located, nulls, context);
    case 'list':
      return lists(located, nulls, decodeField(located.children[0]!, context), context);
    case 'fixedList':
      return fixedLists(located, nulls, decodeField(located.children[0]!, context));
    case 'struct':
      return structs(located, nulls, context);
  }
}

function plain({ field: { type }, length }: Located, nulls: Nulls, raw: Values): Column {
  const values = zeroed(raw, 1, nulls);
  return { type, physical: physicalOf(type), length, ...nulls0(nulls), values, dictionary: null };
}

function rawValues(located: Located, context: DecodeContext): Values {
  const physical = physicalOf(located.field.type);
  const bytes = bufferOf(located, 1, context).subarray(0, bytesOfValues(physical, located.length));
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
  return viewValues(physical, aligned.buffer, aligned.byteOffset, located.length);
}

function wordsOf(located: Located, context: DecodeContext, perValue: number): Int32Array {
  return elements(Int32Array, bufferOf(located, 1, context), perValue * located.length);
}

/** Null slots hold 0: in a copy, since buffers of a file may lie over each other. */
function zeroed<V extends Values>(values: V, perValue: 1 | 2, { flags }: Nulls): V {
  if (flags === null) return values;
  const out = values.slice() as V;
  for (let i = 0; i < flags.length; i++) {
    if (flags[i] !== 0) continue;
    out[perValue * i] = 0;
    if (perValue === 2) out[2 * i + 1] = 0;
  }
  return out;
}

/** IEEE 754 binary16. */
function halves(bits: Uint16Array): Float32Array {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    out[i] = half >> 15 === 0 ? size : -size;
  }
  return out;
}

/** Codes are kept where the entries are text; other entries take their places. */
function codes(located: Located, nulls: Nulls, context: DecodeContext): Column {
  const { field, length } = located;
  const entries = context.dictionaries.get(field.dictionary!.id);
  assert(entries !== undefined, 'dictionaries are decoded before their codes');
  const raw = rawCodes(located, bufferOf(located, 1, context));
  const { flags } = nulls;
  const count = entries.length;
  let bad = 0;
  if (flags === null) for (let i = 0; i < length; i++) bad |= raw[i]! >>> 0 < count ? 0 : 1;
  else for (let i = 0; i < length; i++) bad |= raw[i]! >>> 0 < count || flags[i] === 0 ? 0 : 1;
  if (bad !== 0)
    throw new RangeError(`column '${field.name}': a code beyond the ${count} entries of its dictionary`);
  if (entries.dictionary === null) {
    if (flags !== null) for (let i = 0; i < length; i++) if (flags[i] === 0) raw[i] = -1;
    return takeOptional(entries.column, raw, length);
  }
  const { map, dictionary } = entries;
  if (flags !== null) for (let i = 0; i < length; i++) if (flags[i] === 0) raw[i] = 0;
  if (map !== null && map.length > 0) for (let i = 0; i < length; i++) raw[i] = map[raw[i]!]!;
  // Null slots hold 0, whatever entry 0 was mapped to.
  if (flags !== null && map !== null) for (let i = 0; i < length; i++) if (flags[i] === 0) raw[i] = 0;
  return { type: field.type, physical: 'code', length, ...nulls0(nulls), values: raw, dictionary };
}

const codeArrays = {
  8: [Uint8Array, Int8Array],
  16: [Uint16Array, Int16Array],
  32: [Uint32Array, Int32Array],
} as const;

/** Codes as Int32, in memory of their own; what does not fit is negative. */
function rawCodes({ field: { layout }, length }: Located, bytes: Uint8Array): Int32Array {
  assert(layout.kind === 'codes', 'a column of codes');
  const { bits, signed } = layout;
  if (bits === 8 || bits === 16 || bits === 32) {
    return new Int32Array(elements<ArrayLike<number>>(codeArrays[bits][signed ? 1 : 0], bytes, length));
  }
  const words = elements(Int32Array, bytes, 2 * length);
  const out = new Int32Array(length);
  for (let i = 0; i < length; i++) out[i] = words[2 * i + 1] === 0 ? words[2 * i]! : -1;
  return out;
}

/** Fields are null where the struct is. */
function structs(located: Located, nulls: Nulls, context: DecodeContext): Column {
  const { field, length, children } = located;
  let fields = children.map(child => decodeField(child, context));
  const { flags } = nulls;
  if (flags !== null) {
    const at = Int32Array.from(flags, (valid, i) => (valid === 1 ? i : -1));
    fields = fields.map(column => takeOptional(column, at, length));
  }
  const values = new Uint8Array(0);
  return { type: field.type, physical: 'struct', length, ...nulls0(nulls), values, dictionary: null, fields };
}
