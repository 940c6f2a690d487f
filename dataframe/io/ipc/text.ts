import { isUtf8 } from 'node:buffer';
import type { Column, Dictionary } from '../../column/column.js';
import { StringTable } from '../../column/string-table.js';
import { elements } from './buffers.js';
import type { Located } from './locate.js';
import { bufferOf, type DecodeContext, type Nulls, nulls0 } from './nulls.js';

/** Text and binary values behind offsets. */
export function text(located: Located, nulls: Nulls, context: DecodeContext): Column {
  const { field, length } = located;
  const bytes = bufferOf(located, 2, context);
  if (field.layout.kind !== 'bytes') throw new RangeError('no text');
  const offsets = ascendingOffsets(located, bufferOf(located, 1, context), field.layout.large, bytes.length);
  const first = offsets[0]!;
  return textColumn(
    located,
    nulls,
    {
      length,
      offsets: first === 0 ? offsets : offsets.map(offset => offset - first),
      bytes: bytes.subarray(first, offsets[length]!),
    },
    context.movesText,
  );
}

/** Binary values of one size. */
export function fixedText(located: Located, nulls: Nulls, context: DecodeContext): Column {
  const { field, length } = located;
  if (field.layout.kind !== 'fixedBytes') throw new RangeError('no values of one size');
  const { size } = field.layout;
  const offsets = Int32Array.from({ length: length + 1 }, (_, i) => i * size);
  const bytes = bufferOf(located, 1, context).subarray(0, length * size);
  return textColumn(located, nulls, { length, offsets, bytes }, context.movesText);
}

function textColumn(located: Located, nulls: Nulls, values: Dictionary, movesText: boolean): Column {
  const { field, length } = located;
  const { type, name } = field;
  let dictionary: Dictionary;
  let codes: Int32Array;
  if (movesText) {
    dictionary = { ...values, repeats: true };
    codes = new Int32Array(length);
    for (let i = 0; i < length; i++) codes[i] = i;
  } else {
    const table = new StringTable();
    codes = table.internAll(values);
    dictionary = table.toDictionary();
  }
  if (type.kind === 'utf8') requireUtf8(dictionary, name);
  return { type, physical: 'code', length, ...nulls0(nulls), values: zeroedCodes(codes, nulls), dictionary };
}

function zeroedCodes(codes: Int32Array, { flags }: Nulls): Int32Array {
  if (flags !== null) for (let i = 0; i < codes.length; i++) if (flags[i] === 0) codes[i] = 0;
  return codes;
}

/** All bytes are UTF-8, and no entry begins within a character. */
export function requireUtf8({ bytes, offsets, length }: Dictionary, name: string): void {
  let bad = isUtf8(bytes) ? 0 : 1;
  for (let i = 0; i < length; i++) {
    const at = offsets[i]!;
    bad |= at < bytes.length && (bytes[at]! & 0xc0) === 0x80 ? 1 : 0;
  }
  if (bad !== 0) throw new RangeError(`column '${name}' holds text that is not UTF-8`);
}

/** Offsets as Int32, which ascend from 0 or more up to `end` at most. */
export function ascendingOffsets(
  located: Located,
  bytes: Uint8Array,
  large: boolean,
  end: number,
): Int32Array {
  const { field, length } = located;
  // Of no values, writers may leave out the one offset.
  if (length === 0) return new Int32Array(1);
  const damaged = () => new RangeError(`column '${field.name}': offsets do not ascend to at most ${end}`);
  let offsets: Int32Array;
  if (large) {
    const words = elements(Int32Array, bytes, 2 * (length + 1));
    offsets = new Int32Array(length + 1);
    let high = 0;
    for (let i = 0; i <= length; i++) {
      offsets[i] = words[2 * i]!;
      high |= words[2 * i + 1]!;
    }
    if (high !== 0) throw damaged();
  } else offsets = elements(Int32Array, bytes, length + 1);
  let bad = offsets[0]! < 0 || offsets[length]! > end ? 1 : 0;
  for (let i = 0; i < length; i++) bad |= offsets[i + 1]! < offsets[i]! ? 1 : 0;
  if (bad !== 0) throw damaged();
  return offsets;
}

/** Values of up to 12 bytes stand in their view; others lie in one of the buffers behind. */
export function viewText(located: Located, nulls: Nulls, context: DecodeContext): Column {
  const { field, length, buffers } = located;
  const { type, name } = field;
  const views = bufferOf(located, 1, context);
  const view = new DataView(views.buffer, views.byteOffset, views.byteLength);
  const parts = buffers.slice(2).map((_, i) => bufferOf(located, i + 2, context));
  const table = new StringTable();
  const codes = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    if (nulls.flags !== null && nulls.flags[i] === 0) continue;
    const at = 16 * i;
    const size = view.getInt32(at, true);
    let bytes = views;
    let from = at + 4;
    if (size > 12) {
      bytes = parts[view.getInt32(at + 8, true)] ?? views.subarray(0, 0);
      from = view.getInt32(at + 12, true);
    }
    if (size < 0 || from < 0 || from + size > bytes.length) {
      throw new RangeError(`column '${name}': a view of ${size} bytes that are not there`);
    }
    codes[i] = table.intern(bytes, from, from + size);
  }
  const dictionary = table.toDictionary();
  if (type.kind === 'utf8') requireUtf8(dictionary, name);
  return { type, physical: 'code', length, ...nulls0(nulls), values: codes, dictionary };
}
