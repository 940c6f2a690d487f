import { packValidity } from '../../column/bitmap.js';
import type { Column } from '../../column/column.js';
import { takeColumn } from '../../kernels/take.js';
import type { FileElement, FileNode } from './encode.js';

/** How the values of a leaf make up the rows of its column (Dremel, Melnik et al. 2010). */
export interface Shape {
  /** By entry: a value, or what stands for none. */
  readonly definition: Uint8Array;
  /** The level of a value that is there. */
  readonly most: number;
  /** By entry, 0: the first of its row. Null: there is one entry a row. */
  readonly repetition: Uint8Array | null;
  /** The highest repetition level: lists that the leaf is in. */
  readonly depth: number;
  /** Rows + 1: the first entry of each, and its first value. Null: one a row. */
  readonly entries: Int32Array | null;
  readonly values: Int32Array | null;
}

/** What has pages of its own. */
export interface Leaf {
  readonly element: FileElement;
  readonly path: readonly string[];
  readonly rows: number;
  /** Its values in order; null ones are left out. */
  readonly column: Column;
  /** Null: an optional column of one value a row. */
  readonly shape: Shape | null;
}

const isNull = ({ validity }: Column, i: number) =>
  validity !== null && ((validity[i >> 3]! >> (i & 7)) & 1) === 0;

/** The leaves of a column, in the order of the file's schema. Every part of it is optional. */
export function leavesOf(column: Column, node: FileNode): Leaf[] {
  const { length } = column;
  if (node.kind === 'leaf')
    return [{ element: node.element!, path: node.path, rows: length, column, shape: null }];
  const at = Int32Array.from({ length }, (_, i) => i);
  return stripe(column, node, { rows: length, level: 0, depth: 0, definition: new Uint8Array(length), at });
}

/** The entries of a part of a column. */
interface Entries {
  readonly rows: number;
  /** The level of one that is null. */
  readonly level: number;
  /** Lists that it is in. */
  readonly depth: number;
  readonly definition: Uint8Array;
  /** Absent: there is one entry a row. */
  readonly repetition?: Uint8Array;
  /** Which value of the part an entry stands for; -1: none, because what it is in is null or empty. */
  readonly at: Int32Array;
}

function stripe(column: Column, node: FileNode, entries: Entries): Leaf[] {
  switch (node.kind) {
    case 'leaf':
      return [leafOf(column, node, entries)];
    case 'struct': {
      const inner = structEntries(column, entries);
      return node.children.flatMap((child, f) => stripe(column.fields![f]!, child, inner));
    }
    default:
      return stripe(column.items!, node.children[0]!.children[0]!, itemEntries(column, entries));
  }
}

function structEntries(struct: Column, entries: Entries): Entries {
  const definition = entries.definition.slice();
  const at = entries.at.slice();
  const level = entries.level + 1;
  for (let e = 0; e < at.length; e++) {
    if (at[e]! < 0) continue;
    if (isNull(struct, at[e]!)) at[e] = -1;
    else definition[e] = level;
  }
  return { ...entries, level, definition, at };
}

/** An empty list is one entry, at a level of its own; Arrow lets null lists have items, which nobody sees. */
function itemEntries(list: Column, entries: Entries): Entries {
  const offsets = list.values as Int32Array;
  const sizeOf = (i: number) => (i < 0 || isNull(list, i) ? -1 : offsets[i + 1]! - offsets[i]!);
  let total = 0;
  for (let e = 0; e < entries.at.length; e++) total += Math.max(1, sizeOf(entries.at[e]!));
  const definition = new Uint8Array(total);
  const repetition = new Uint8Array(total);
  const at = new Int32Array(total).fill(-1);
  const depth = entries.depth + 1;
  const level = entries.level + 2;
  let n = 0;
  for (let e = 0; e < entries.at.length; e++) {
    const size = sizeOf(entries.at[e]!);
    repetition[n] = entries.repetition?.[e] ?? 0;
    if (size <= 0) {
      definition[n++] = size < 0 ? entries.definition[e]! : level - 1;
      continue;
    }
    const from = offsets[entries.at[e]!]!;
    for (let k = 0; k < size; k++, n++) {
      if (k > 0) repetition[n] = depth;
      definition[n] = level;
      at[n] = from + k;
    }
  }
  return { rows: entries.rows, level, depth, definition, repetition, at };
}

function leafOf(column: Column, { element, path }: FileNode, entries: Entries): Leaf {
  const { rows, at, repetition = null, depth } = entries;
  const definition = entries.definition.slice();
  const most = entries.level + 1;
  for (let e = 0; e < at.length; e++) if (at[e]! >= 0 && !isNull(column, at[e]!)) definition[e] = most;
  const leaf = { element: element!, path, rows };
  if (repetition === null) {
    const flags = definition.map(level => (level === most ? 1 : 0));
    const shape = { definition, most, repetition, depth, entries: null, values: null };
    return { ...leaf, column: { ...column, ...packValidity(flags, rows) }, shape };
  }
  const firstEntries = new Int32Array(rows + 1);
  const firstValues = new Int32Array(rows + 1);
  const kept = new Int32Array(at.length);
  let row = 0;
  let n = 0;
  for (let e = 0; e < at.length; e++) {
    if (repetition[e] === 0) {
      firstEntries[row] = e;
      firstValues[row++] = n;
    }
    if (definition[e] === most) kept[n++] = at[e]!;
  }
  firstEntries[rows] = at.length;
  firstValues[rows] = n;
  const shape = { definition, most, repetition, depth, entries: firstEntries, values: firstValues };
  const whole = n === column.length && column.validity === null;
  return { ...leaf, column: whole ? column : takeColumn(column, kept, n), shape };
}
