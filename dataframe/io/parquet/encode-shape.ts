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
  /** Rows + 1: the first entry of each, and its first value. Null: one a row. */
  readonly entries: Int32Array | null;
  readonly values: Int32Array | null;
}

/** What has pages of its own. */
export interface Leaf {
  readonly element: FileElement;
  readonly path: readonly string[];
  readonly rows: number;
  /** Null values are left out. */
  readonly column: Column;
  /** Null: an optional column of one value a row. */
  readonly shape: Shape | null;
}

const isNull = ({ validity }: Column, i: number) =>
  validity !== null && ((validity[i >> 3]! >> (i & 7)) & 1) === 0;

/** The leaves of a column, in the order of the file's schema. */
export function leavesOf(column: Column, node: FileNode): Leaf[] {
  const { kind, element, path, children } = node;
  if (kind === 'leaf') return [{ element: element!, path, rows: column.length, column, shape: null }];
  if (kind === 'list') return [listLeaf(column, children[0]!.children[0]!)];
  const levels = new Uint8Array(column.length);
  for (let i = 0; i < column.length; i++) levels[i] = isNull(column, i) ? 0 : 1;
  return fieldLeaves(column, node, levels, 1);
}

/** `levels`: of the struct's rows; `most`: that of one which is not null. */
function fieldLeaves(struct: Column, { children }: FileNode, levels: Uint8Array, most: number): Leaf[] {
  return struct.fields!.flatMap((field, f) => {
    const node = children[f]!;
    const own = levels.slice();
    for (let i = 0; i < own.length; i++) if (own[i] === most && !isNull(field, i)) own[i] = most + 1;
    if (node.kind === 'struct') return fieldLeaves(field, node, own, most + 1);
    const validity = packValidity(
      own.map(level => (level === most + 1 ? 1 : 0)),
      own.length,
    );
    const shape = { definition: own, most: most + 1, repetition: null, entries: null, values: null };
    return [
      { element: node.element!, path: node.path, rows: own.length, column: { ...field, ...validity }, shape },
    ];
  });
}

/** Arrow lets null lists have items, which nobody sees. */
function withoutHidden(list: Column): Column {
  const offsets = list.values as Int32Array;
  let hidden = 0;
  for (let i = 0; i < list.length; i++) if (isNull(list, i)) hidden += offsets[i + 1]! - offsets[i]!;
  if (hidden === 0) return list;
  const kept = new Int32Array(offsets[list.length]! - offsets[0]! - hidden);
  const starts = new Int32Array(list.length + 1);
  let n = 0;
  for (let i = 0; i < list.length; i++) {
    if (!isNull(list, i)) for (let q = offsets[i]!; q < offsets[i + 1]!; q++) kept[n++] = q;
    starts[i + 1] = n;
  }
  return { ...list, values: starts, items: takeColumn(list.items!, kept, n) };
}

/** 0: a null list, 1: an empty one, 2: a null item, 3: an item. */
function listLeaf(given: Column, node: FileNode): Leaf {
  const list = withoutHidden(given);
  const offsets = list.values as Int32Array;
  const items = list.items!;
  const rows = list.length;
  const entries = new Int32Array(rows + 1);
  for (let i = 0; i < rows; i++)
    entries[i + 1] = entries[i]! + (isNull(list, i) ? 1 : Math.max(1, offsets[i + 1]! - offsets[i]!));
  const definition = new Uint8Array(entries[rows]!);
  const repetition = new Uint8Array(entries[rows]!);
  for (let i = 0; i < rows; i++) {
    const first = entries[i]!;
    if (isNull(list, i)) continue;
    const from = offsets[i]!;
    const size = offsets[i + 1]! - from;
    if (size === 0) definition[first] = 1;
    for (let k = 0; k < size; k++) {
      definition[first + k] = isNull(items, from + k) ? 2 : 3;
      repetition[first + k] = k === 0 ? 0 : 1;
    }
  }
  const shape = { definition, most: 3, repetition, entries, values: offsets };
  return { element: node.element!, path: node.path, rows, column: items, shape };
}
