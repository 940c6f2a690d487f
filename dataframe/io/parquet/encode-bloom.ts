import { VolleyError } from '../../../core/base/errors.js';
import { type Field, formatType, type Schema } from '../../column/datatype.js';
import { columnNotFound } from '../../expr/nearest.js';
import { BloomBlocks } from './bloom-blocks.js';
import { viewOf } from './bytes.js';
import { FileType } from './encode.js';
import { thrift } from './thrift.js';

/** A filter as it lies in the file, for the values of a column in PLAIN form. @param size Bytes of a value; null: in front */
export function bloomFilter(
  plain: Uint8Array,
  count: number,
  type: FileType,
  size: number | null,
): Uint8Array {
  const blocks = BloomBlocks.forValues(count);
  const view = viewOf(plain);
  for (let at = 0; at < plain.length; ) {
    const from = size === null ? at + 4 : at;
    const to = from + (size ?? view.getInt32(at, true));
    blocks.add(plain, from, to);
    if (type === FileType.Float) addEquals(blocks, view.getFloat32(from, true), 4);
    if (type === FileType.Double) addEquals(blocks, view.getFloat64(from, true), 8);
    at = to;
  }
  const header = thrift(fields => {
    fields.i32(1, blocks.bytes.length);
    // BLOCK, XXHASH, UNCOMPRESSED: each the only one of its kind.
    for (const id of [2, 3, 4]) fields.struct(id, union => union.struct(1, () => {}));
  });
  return Buffer.concat([header, blocks.bytes]);
}

/** Readers that look for zero or NaN may have the other sign, or other bits, in mind. */
function addEquals(blocks: BloomBlocks, value: number, size: 4 | 8): void {
  if (value !== 0 && !Number.isNaN(value)) return;
  const out = new Uint8Array(size);
  const view = viewOf(out);
  for (const equal of value === 0 ? [0, -0] : [Number.NaN]) {
    if (size === 4) view.setFloat32(0, equal, true);
    else view.setFloat64(0, equal, true);
    blocks.add(out);
  }
}

/** Kinds without a filter: nested ones, and what has too few values. */
const without: ReadonlySet<string> = new Set(['list', 'struct', 'bool', 'null']);

/** @throws COLUMN_NOT_FOUND, INVALID_ARGUMENT where a column cannot have a filter */
export function requireBloomFilters(schema: Schema, names: readonly string[]): void {
  for (const name of names) {
    const field: Field | undefined = schema.find(each => each.name === name);
    if (field === undefined) throw columnNotFound(name, schema, 'bloomFilters');
    if (!without.has(field.type.kind)) continue;
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `bloomFilters: column '${name}' is of type ${formatType(field.type)}, for which there are none`,
      { column: name },
    );
  }
}
