import { assert } from '../../core/base/assert.js';
import { prepareFragment } from '../../dataframe/physical/run.js';
import type { FragmentEntry, FragmentEnv } from '../../dataframe/physical/task.js';
import type { TaskOutput, TaskRun, TaskRunner } from './task-run.js';

export { keepAtMost } from '../../dataframe/kernels/scratch.js';
export { rehearsal, warmUp } from '../../dataframe/physical/warm-up.js';

/** A dataframe pipeline. */
export function fragmentRunner(
  body: Uint8Array,
  node: string,
  allowPaths: readonly string[] | null,
): TaskRunner {
  const fragment = prepareFragment(body);
  const runTask = async (run: TaskRun): Promise<TaskOutput> => {
    const inputs = run.inputs.map(table =>
      table.map((input): FragmentEntry => {
        assert(!('value' in input), 'a fragment reads partitions, not enclosed values');
        return 'ask' in input ? () => run.view(input) : run.view(input);
      }),
    );
    const env: FragmentEnv = {
      node,
      allowPaths,
      attempt: run.attempt,
      position: run.position,
      allocate: byteLength => run.allocate(byteLength),
    };
    const result = await fragment.run(run.args, inputs, env);
    if (result.inline !== null) return { kind: 'value', rows: result.rows, value: result.inline };
    return { kind: 'stored', rows: result.rows, slices: result.slices };
  };
  return {
    run: runTask,
    get keeps() {
      return fragment.keeps;
    },
  };
}
