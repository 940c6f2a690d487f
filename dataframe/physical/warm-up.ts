import { DataType } from '../column/datatype.js';
import { recordsToBatch } from '../column/records.js';
import { decodeBatch, encodeBatch } from '../column/slab.js';
import type { AggregateStep, Fragment } from './fragment.js';
import { packFragment } from './fragment-body.js';
import { prepareFragment } from './run.js';
import type { FragmentEnv } from './task.js';

const rows = recordsToBatch([
  { name: 'a', value: 1 },
  { name: 'b', value: 2 },
  { name: null, value: null },
]);

const grouped = (phase: AggregateStep['phase']): AggregateStep => ({
  kind: 'aggregate',
  phase,
  keys: ['name'],
  aggregates: [{ name: 'total', op: 'sum', column: 'value', filter: null }],
  input: rows.schema,
});

const partial: Fragment = {
  source: { kind: 'input', input: 0 },
  ops: [
    {
      kind: 'filter',
      predicate: {
        kind: 'call',
        fn: 'gt',
        args: [
          { kind: 'column', name: 'value' },
          { kind: 'literal', value: 0, type: DataType.Float64 },
        ],
      },
    },
    grouped('partial'),
  ],
  sink: { kind: 'partition' },
  inputs: [rows.schema],
};

/**
 * Runs a filter and a group-by of three rows through everything that a task goes through, so that the first task of a
 * thread finds code that has run before: ten milliseconds that nobody waits for while threads start.
 */
export async function warmUp(): Promise<void> {
  const allocate = (byteLength: number) => new Uint8Array(new SharedArrayBuffer(byteLength));
  const env: FragmentEnv = { node: '', allowPaths: null, attempt: 1, position: 0, allocate };
  const { slab, slices } = await prepareFragment(packFragment(partial)).run(
    null,
    [[encodeBatch(rows, allocate)]],
    env,
  );
  const [{ header, offset }] = slices as [(typeof slices)[number]];
  const bytes = slab!.subarray(offset, offset + header.byteLength);
  const merged: Fragment = {
    ...partial,
    ops: [grouped('final')],
    inputs: [decodeBatch(header, bytes).schema],
  };
  await prepareFragment(packFragment(merged)).run(null, [[{ header, bytes }]], env);
}
