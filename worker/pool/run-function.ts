import { limits } from '../../core/base/limits.js';
import { reviveFunction } from '../../core/client/revive.js';
import { noChecksum } from '../../core/graph/partition.js';
import { decodeArguments, decodePayload, decodeValue, planPayload } from '../../core/wire/payload.js';
import type { TaskOutput, TaskRun, TaskRunner } from './task-run.js';

/** A shipped function: arguments in, its value out. */
export async function functionRunner(body: Uint8Array): Promise<TaskRunner> {
  const fn = await reviveFunction(body);
  return {
    keeps: true,
    run(task) {
      const value = fn(...argumentsOf(task));
      return isThenable(value) ? settle(task, value) : output(task, value);
    },
  };
}

async function settle(run: TaskRun, value: PromiseLike<unknown>): Promise<TaskOutput> {
  return output(run, await value);
}

function argumentsOf(run: TaskRun): unknown[] {
  if (run.args === null) return run.inputs.length === 0 ? [] : inputsOf(run);
  return decodeArguments(run.args, run.inputs.length === 0 ? [] : inputsOf(run));
}

/** Inputs of all dependencies, one after another: what InputSlot counts. */
function inputsOf(run: TaskRun): unknown[] {
  return run.inputs.flat().map(input => {
    if ('value' in input) return decodeValue(input.value);
    const { header, bytes } = run.view(input);
    return decodePayload(header.meta, bytes);
  });
}

/** Small results travel with the report where that is wanted; others are laid out in the node's memory. */
function output(run: TaskRun, value: unknown): TaskOutput {
  const plan = planPayload(value, 'the result');
  if (run.inlineResult) {
    const small = plan.inline(limits.inlineResultBytes);
    if (small !== null) return { kind: 'value', rows: 1, value: small };
  }
  const bytes = run.allocate(plan.byteLength);
  plan.writeInto(bytes);
  const header = { rows: 1, byteLength: plan.byteLength, checksum: noChecksum, meta: plan.meta };
  return { kind: 'stored', rows: 1, slices: [{ header, offset: 0 }] };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
