import type { Column } from '../column/column.js';
import type { ExprNode } from '../expr/node.js';
import type { CallNode } from './emit.js';
import type { Emitted, Emitter } from './emitter.js';
import { loadColumn } from './load.js';

/** A field of a struct inside of a loop: the column is there before it. */
export function emitStruct(emitter: Emitter, node: CallNode): Emitted {
  return loadColumn(emitter, emitter.materialize(node), 'j');
}

/** True for expressions whose columns are put together, not computed row by row. */
export function isStructCall(node: ExprNode): node is CallNode {
  return node.kind === 'call' && (node.fn === 'struct' || node.fn === 'struct.field');
}

/** The column of a struct expression, from those of its operands. */
export function structColumn({ fn, params }: CallNode, columns: readonly Column[], length: number): Column {
  if (fn === 'struct.field') return fieldOf(columns[0]!, String(params?.name));
  const names = params?.names as readonly string[];
  return {
    type: { kind: 'struct', fields: columns.map(({ type }, f) => ({ name: names[f]!, type })) },
    physical: 'struct',
    length,
    nullCount: 0,
    validity: null,
    values: new Uint8Array(0),
    dictionary: null,
    fields: columns,
  };
}

/** Null rows of a struct have null fields. */
function fieldOf({ type, fields }: Column, name: string): Column {
  const at = type.kind === 'struct' ? type.fields.findIndex(field => field.name === name) : -1;
  return fields![at]!;
}
