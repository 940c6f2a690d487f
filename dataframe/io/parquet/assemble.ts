import { packValidity } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import type { FileColumn } from './types.js';

/** Of the entries of a leaf, each a value or what stands for none (Dremel, Melnik et al. 2010). */
export interface Levels {
  /** Entries. */
  readonly length: number;
  /** Null: all values are there. */
  readonly definition: Uint8Array | null;
  /** Null: every entry is a row. */
  readonly repetition: Uint8Array | null;
}

/** Its column has a value for each entry that stands for one: not for those of lists without items. */
export interface DecodedLeaf {
  readonly column: Column;
  readonly levels: Levels;
}

/**
 * A column from its leaves. The levels of any leaf in it tell where a struct or list is null and how many items a list
 * has; all must tell the same.
 * @throws RangeError where they do not
 */
export function assemble(column: FileColumn, decode: (leaf: FileColumn) => DecodedLeaf): Column {
  return assembled(column, decode).column;
}

interface Assembled {
  readonly column: Column;
  /** Of all its leaves. */
  readonly leaves: readonly Levels[];
}

function assembled(node: FileColumn, decode: (leaf: FileColumn) => DecodedLeaf): Assembled {
  if (node.fields !== null)
    return struct(
      node,
      node.fields.map(field => assembled(field, decode)),
    );
  if (node.item !== null) return list(node, node.item, assembled(node.item, decode));
  const { column, levels } = decode(node);
  return { column, leaves: [levels] };
}

function struct(node: FileColumn, parts: readonly Assembled[]): Assembled {
  const leaves = parts.flatMap(part => part.leaves);
  const flags = validFlags(node, leaves[0]!);
  for (const other of leaves.slice(1)) agreed(flags, validFlags(node, other));
  const { length } = flags;
  const fields = parts.map(({ column }) => column);
  const rest = { ...packValidity(flags, length), values: new Uint8Array(0), dictionary: null, fields };
  return { column: { type: node.type, physical: 'struct', length, ...rest }, leaves };
}

function list(node: FileColumn, item: FileColumn, { column: items, leaves }: Assembled): Assembled {
  const { offsets: values, flags } = listRows(node, item, leaves[0]!);
  for (const leaf of leaves.slice(1)) {
    const other = listRows(node, item, leaf);
    agreed(values, other.offsets);
    agreed(flags, other.flags);
  }
  const { length } = flags;
  const rest = { ...packValidity(flags, length), values, dictionary: null, items };
  return { column: { type: node.type, physical: 'list', length, ...rest }, leaves };
}

function agreed(a: Uint8Array | Int32Array, b: Uint8Array | Int32Array): void {
  const bytes = (array: Uint8Array | Int32Array) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  if (Buffer.compare(bytes(a), bytes(b)) !== 0)
    throw new RangeError('its leaves disagree on where it is null, or how many items it has');
}

/** 1 where a struct is not null, for each that there is by the levels of a leaf in it. */
function validFlags({ level, lists }: FileColumn, { definition, repetition, length }: Levels): Uint8Array {
  if (definition === null) return new Uint8Array(length).fill(1);
  const flags = new Uint8Array(length);
  if (repetition === null) {
    for (let e = 0; e < length; e++) flags[e] = definition[e]! >= level ? 1 : 0;
    return flags;
  }
  const depth = lists.length;
  const there = lists.at(-1) ?? 0;
  let n = 0;
  for (let e = 0; e < length; e++) {
    const defined = definition[e]!;
    if (repetition[e]! <= depth && defined >= there) flags[n++] = defined >= level ? 1 : 0;
  }
  return flags.subarray(0, n);
}

/** Where the items of each list begin, and the end, and 1 where a list is not null: by the levels of a leaf in it. */
function listRows({ level, lists }: FileColumn, item: FileColumn, levels: Levels) {
  const { length } = levels;
  const definition = levels.definition!;
  const repetition = levels.repetition!;
  const depth = lists.length;
  const there = lists.at(-1) ?? 0;
  const filled = item.lists[depth]!;
  const offsets = new Int32Array(length + 1);
  const flags = new Uint8Array(length);
  let n = 0;
  let items = 0;
  for (let e = 0; e < length; e++) {
    const repeated = repetition[e]!;
    const defined = definition[e]!;
    if (repeated <= depth && defined >= there) {
      offsets[n] = items;
      flags[n++] = defined >= level ? 1 : 0;
    }
    if (repeated <= depth + 1 && defined >= filled) items++;
  }
  offsets[n] = items;
  return { offsets: offsets.slice(0, n + 1), flags: flags.subarray(0, n) };
}
