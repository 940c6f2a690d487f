import { assert } from '../../core/base/assert.js';
import type { Column } from '../column/column.js';
import { listContains, listGet, listJoin, listLengths, listSums } from '../kernels/list.js';
import type { CallNode } from './emit.js';
import type { Emitted, Emitter } from './emitter.js';
import { loadColumn } from './load.js';

/** Functions of lists: whole columns, made before the loop. */
export function emitList(emitter: Emitter, node: CallNode): Emitted {
  const [list, value] = node.args.map(arg => emitter.materialize(arg));
  assert(list?.type.kind === 'list', 'list functions take lists');
  return loadColumn(emitter, listColumn(node, list, value), 'j');
}

function listColumn(node: CallNode, list: Column, value: Column | undefined): Column {
  const { params } = node;
  switch (node.fn) {
    case 'list.len':
      return listLengths(list);
    case 'list.get':
      return listGet(list, Number(params?.index));
    case 'list.contains':
      return listContains(list, value!);
    case 'list.sum':
      return listSums(list);
    default:
      return listJoin(list, String(params?.separator ?? ''));
  }
}
