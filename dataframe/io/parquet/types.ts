import { VolleyError } from '../../../core/base/errors.js';
import { DataType } from '../../column/datatype.js';
import { withArrowTypes } from './arrow-schema.js';
import type { FileMetaData, SchemaElement } from './metadata.js';
import { agree, scalarType } from './scalar-type.js';

/** A top-level column of a Parquet file, a field of one that is a struct, or the items of one that is a list. */
export interface FileColumn {
  readonly name: string;
  /** Names from the top-level column to this one, those of groups that only repeat too. */
  readonly path: readonly string[];
  readonly type: DataType;
  /** Index in `row_groups[].columns`; -1 for structs, lists and what cannot be read. */
  readonly leaf: number;
  readonly element: SchemaElement;
  readonly nullable: boolean;
  /** Its definition level where it is not null: how many of it and what it is in may be null, or are items of a list. */
  readonly level: number;
  /** Of the lists that it is in, from the outermost: the definition level from which there is an item. */
  readonly lists: readonly number[];
  /** Of structs, in the order of the type. */
  readonly fields: readonly FileColumn[] | null;
  /** Of lists, and of maps: structs of keys and values. */
  readonly item: FileColumn | null;
  /** Why it cannot be read; null when it can. Only a read of this column raises it. */
  readonly unsupported: string | null;
}

/** The top-level columns of a file, in its order. */
export function fileColumns({ schema, arrowSchema }: FileMetaData): readonly FileColumn[] {
  const columns = columnsIn(schemaTree(schema), { leaf: 0, path: [], level: 0, lists: [] });
  return arrowSchema === null ? columns : withArrowTypes(columns, arrowSchema);
}

/** Those of the columns that have pages of their own, in the order of the file. */
export function leafColumns(column: FileColumn): readonly FileColumn[] {
  if (column.item !== null) return leafColumns(column.item);
  return column.fields === null ? [column] : column.fields.flatMap(leafColumns);
}

interface SchemaTree {
  readonly element: SchemaElement;
  readonly children: readonly SchemaTree[];
}

/** Levels of nesting that are followed. */
const maxDepth = 64;

function schemaTree(elements: readonly SchemaElement[]): SchemaTree {
  let next = 0;
  const read = (depth: number): SchemaTree => {
    const element = elements[next++];
    if (element === undefined || depth > maxDepth) throw new RangeError('its schema is not a tree');
    const count = element.num_children ?? 0;
    if (count < 0 || count > elements.length - next) throw new RangeError('its schema is not a tree');
    return { element, children: Array.from({ length: count }, () => read(depth + 1)) };
  };
  const root = read(0);
  if (next !== elements.length) throw new RangeError('its schema is not a tree');
  return root;
}

/** Groups without children have no pages. */
function leavesOf({ element, children }: SchemaTree): number {
  if (children.length === 0) return element.type === undefined ? 0 : 1;
  return children.reduce((sum, child) => sum + leavesOf(child), 0);
}

/** Where a part of the schema stands. */
interface Place {
  /** Leaves before it. */
  readonly leaf: number;
  readonly path: readonly string[];
  readonly level: number;
  readonly lists: readonly number[];
}

function columnsIn({ children }: SchemaTree, place: Place): FileColumn[] {
  let { leaf } = place;
  return children.map(child => {
    const column = fileColumn(child, { ...place, leaf });
    leaf += leavesOf(child);
    return column;
  });
}

function fileColumn(tree: SchemaTree, place: Place): FileColumn {
  const { name, repetition_type: repetition } = tree.element;
  if (repetition !== 'REPEATED') return valueColumn(tree, place, repetition === 'OPTIONAL');
  // Without an annotation: a list that is never null, of items that are not.
  const path = [...place.path, name];
  const base = { ...common(tree, place), path, nullable: false, level: place.level };
  return listColumn(base, valueColumn(tree, itemsOf(place), false));
}

function common({ element }: SchemaTree, { lists }: Place) {
  return { name: element.name, element, lists, leaf: -1, fields: null, item: null, unsupported: null };
}

/** Where the items of a list stand that is itself at this place. */
function itemsOf(place: Place): Place {
  const level = place.level + 1;
  return { ...place, level, lists: [...place.lists, level] };
}

type Base = Omit<FileColumn, 'type'>;

function listColumn(base: Base, item: FileColumn): FileColumn {
  const type = DataType.List(item.type);
  return { ...base, type, item, unsupported: item.unsupported };
}

/** What stands for one value, whether or not it is one of many. */
function valueColumn(tree: SchemaTree, place: Place, nullable: boolean): FileColumn {
  const { element, children } = tree;
  const path = [...place.path, element.name];
  const level = place.level + (nullable ? 1 : 0);
  const base: Base = { ...common(tree, place), path, nullable, level };
  if (children.length === 0 && element.type === undefined)
    return { ...base, type: DataType.Null, unsupported: 'a group without fields is not read' };
  if (children.length === 0) {
    const { type, unsupported } = scalarType(element);
    return { ...base, leaf: unsupported === null ? place.leaf : -1, type, unsupported };
  }
  const inner = { ...place, path, level };
  const { converted_type: converted, logical_type: logical } = element;
  const kind = logical?.type ?? converted;
  const repeated = children.length === 1 && children[0]!.element.repetition_type === 'REPEATED';
  // The old annotation of maps stood on what repeats, too.
  if (kind === undefined || (kind === 'MAP_KEY_VALUE' && !repeated)) return structColumn(tree, base, inner);
  const refused = (unsupported: string) => ({ ...structColumn(tree, base, inner), unsupported });
  if (logical !== undefined && converted !== undefined && !agree(logical.type, converted))
    return refused(`its annotations ${logical.type} and ${converted} contradict each other`);
  if (!repeated || !['LIST', 'MAP', 'MAP_KEY_VALUE'].includes(kind))
    return refused(`${kind} is not read yet`);
  const [entry] = children as readonly [SchemaTree];
  if (kind !== 'LIST' && !isMapEntry(entry)) return refused('its entries are no keys and values');
  if (kind !== 'LIST' || isItem(entry, element.name))
    return listColumn(base, valueColumn(entry, itemsOf(inner), false));
  const around = itemsOf({ ...inner, path: [...path, entry.element.name] });
  return listColumn(base, fileColumn(entry.children[0]!, around));
}

function structColumn(tree: SchemaTree, base: Base, place: Place): FileColumn {
  const fields = columnsIn(tree, place);
  const type: DataType = { kind: 'struct', fields: fields.map(({ name, type }) => ({ name, type })) };
  const wrong = fields.find(({ unsupported }) => unsupported !== null);
  const unsupported = wrong === undefined ? null : `its field '${wrong.name}': ${wrong.unsupported}`;
  return { ...base, type, fields, unsupported };
}

/** Files may leave the values out. */
function isMapEntry({ children }: SchemaTree): boolean {
  return (children.length === 1 || children.length === 2) && children[0]!.children.length === 0;
}

/** Whether what repeats in a list is its item, as old writers had it, rather than a group around it. */
function isItem({ element, children }: SchemaTree, list: string): boolean {
  const [only] = children;
  return (
    only === undefined ||
    children.length > 1 ||
    only.element.repetition_type === 'REPEATED' ||
    element.name === 'array' ||
    element.name === `${list}_tuple`
  );
}

/** @throws UNSUPPORTED naming file and column */
export function requireSupported(column: FileColumn, file: string): void {
  if (column.unsupported !== null) {
    throw new VolleyError(
      'UNSUPPORTED',
      `${file}, column '${column.name}': ${column.unsupported}. Select the other columns to read the rest of the file`,
      { file, column: column.name },
    );
  }
}
