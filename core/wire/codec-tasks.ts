import type {
  AssignTasks__Output,
  AssignTasks as WireAssign,
} from '../../proto/generated/volley/v1/AssignTasks.js';
import type { Failure } from '../../proto/generated/volley/v1/Failure.js';
import type {
  InputTable__Output,
  InputTable as WireInput,
} from '../../proto/generated/volley/v1/InputTable.js';
import type {
  TaskResults__Output,
  TaskResults as WireResults,
} from '../../proto/generated/volley/v1/TaskResults.js';
import type {
  TasksFinished__Output,
  TasksFinished as WireFinished,
} from '../../proto/generated/volley/v1/TasksFinished.js';
import type { JobId, TemplateId } from '../base/ids.js';
import type { FailureData } from '../graph/failure.js';
import { readFailure, writeFailure } from './codec-failure.js';
import {
  bytesOf,
  check,
  checkLength,
  checkOffsets,
  finite,
  readBag,
  readF64,
  readOptional,
  readTable,
  readU32,
  writeOptional,
  writeTable,
} from './codec-fields.js';
import {
  type AssignTasks,
  type InputTable,
  Outcome,
  type TaskResults,
  type TasksFinished,
} from './messages.js';

/** Messages about many tasks. */

/** Indices and attempts of tasks of one job, as several messages carry them. */
export function readAttempts(
  wire: { job: number; indicesU32: Uint8Array; attemptsU32: Uint8Array },
  what: string,
): { job: JobId; indices: Uint32Array; attempts: Uint32Array } {
  const indices = readU32(wire.indicesU32, `${what}.indices`);
  const attempts = readU32(wire.attemptsU32, `${what}.attempts`);
  checkLength(attempts, indices.length, `${what}.attempts`);
  return { job: wire.job as JobId, indices, attempts };
}

export function writeFinished(message: TasksFinished): WireFinished {
  return {
    job: message.job,
    indicesU32: bytesOf(message.indices),
    attemptsU32: bytesOf(message.attempts),
    rowsF64: bytesOf(message.rows),
    bytesF64: bytesOf(message.bytes),
    durationUsF64: bytesOf(message.durationUs),
    inline: writeOptional(message.inline),
  };
}

export function readFinished(wire: TasksFinished__Output): TasksFinished {
  const { job, indices, attempts } = readAttempts(wire, 'finished');
  const count = indices.length;
  return {
    kind: 'tasks-finished',
    job,
    indices,
    attempts,
    rows: readParallel(wire.rowsF64, count, 'finished.rows'),
    bytes: readParallel(wire.bytesF64, count, 'finished.bytes'),
    durationUs: readParallel(wire.durationUsF64, count, 'finished.durationUs'),
    inline: readOptional(wire.inline, count, 'finished.inline'),
  };
}

export function writeAssign(message: AssignTasks): WireAssign {
  return {
    job: message.job,
    template: message.template,
    indicesU32: bytesOf(message.indices),
    attemptsU32: bytesOf(message.attempts),
    positionsU32: bytesOf(message.positions),
    args: message.args && writeTable(message.args),
    inputs: message.inputs.map(writeInput),
    slices: message.slices,
    timeoutMs: message.timeoutMs,
    priority: message.priority,
    resources: message.resources,
    inlineResult: message.inlineResult,
    reportedTogether: message.reportedTogether,
    name: message.name,
  };
}

export function readAssign(wire: AssignTasks__Output): AssignTasks {
  const { job, indices, attempts } = readAttempts(wire, 'assign');
  const positions = readU32(wire.positionsU32, 'assign.positions');
  checkLength(positions, indices.length, 'assign.positions');
  return {
    kind: 'assign-tasks',
    job,
    template: wire.template as TemplateId,
    indices,
    attempts,
    positions,
    args: wire.args && readTable(wire.args, indices.length, 'assign.args'),
    inputs: wire.inputs.map(input => readInput(input, indices.length)),
    slices: wire.slices,
    timeoutMs: finite(wire.timeoutMs, 'assign.timeoutMs'),
    priority: finite(wire.priority, 'assign.priority'),
    resources: readBag(wire.resources, 'assign.resources'),
    inlineResult: wire.inlineResult,
    reportedTogether: wire.reportedTogether,
    name: wire.name,
  };
}

function writeInput(input: InputTable): WireInput {
  return {
    sliced: input.sliced,
    ...(input.offsets === null ? {} : { offsetsU32: bytesOf(input.offsets) }),
    jobsU32: bytesOf(input.jobs),
    indicesU32: bytesOf(input.indices),
    bytesF64: bytesOf(input.bytes),
    rowsF64: bytesOf(input.rows),
    holderOffsetsU32: bytesOf(input.holderOffsets),
    holdersU32: bytesOf(input.holders),
    inline: writeOptional(input.inline),
  };
}

function readInput(wire: InputTable__Output, tasks: number): InputTable {
  const jobs = readU32(wire.jobsU32, 'input.jobs');
  const count = jobs.length;
  const indices = readU32(wire.indicesU32, 'input.indices');
  checkLength(indices, count, 'input.indices');
  const offsets = wire.offsetsU32 === undefined ? null : readU32(wire.offsetsU32, 'input.offsets');
  if (offsets !== null) checkOffsets(offsets, tasks, count, 'input.offsets');
  const holders = readU32(wire.holdersU32, 'input.holders');
  const holderOffsets = readU32(wire.holderOffsetsU32, 'input.holderOffsets');
  checkOffsets(holderOffsets, count, holders.length, 'input.holderOffsets');
  return {
    sliced: wire.sliced,
    offsets,
    jobs,
    indices,
    bytes: readParallel(wire.bytesF64, count, 'input.bytes'),
    rows: readParallel(wire.rowsF64, count, 'input.rows'),
    holderOffsets,
    holders,
    inline: readOptional(wire.inline, count, 'input.inline'),
  };
}

export function writeResults(message: TaskResults): WireResults {
  return {
    sequence: message.sequence,
    job: message.job,
    indicesU32: bytesOf(message.indices),
    outcomes: message.outcomes,
    rowsF64: bytesOf(message.rows),
    bytesF64: bytesOf(message.bytes),
    holdersU32: bytesOf(message.holders),
    inline: writeOptional(message.inline),
    failures: message.failures && writeFailures(message.failures),
  };
}

export function readResults(wire: TaskResults__Output): TaskResults {
  const indices = readU32(wire.indicesU32, 'results.indices');
  const count = indices.length;
  const outcomes = new Uint8Array(wire.outcomes);
  checkLength(outcomes, count, 'results.outcomes');
  for (const outcome of outcomes) check(outcome <= Outcome.Cancelled, `outcome ${outcome} is unknown`);
  const holders = readU32(wire.holdersU32, 'results.holders');
  checkLength(holders, count, 'results.holders');
  check(Number.isSafeInteger(wire.sequence), `sequence is ${wire.sequence}`);
  return {
    kind: 'task-results',
    sequence: wire.sequence,
    job: wire.job as JobId,
    indices,
    outcomes,
    rows: readParallel(wire.rowsF64, count, 'results.rows'),
    bytes: readParallel(wire.bytesF64, count, 'results.bytes'),
    holders,
    inline: readOptional(wire.inline, count, 'results.inline'),
    failures: wire.failures && readFailures(wire.failures, count),
  };
}

function writeFailures(failures: readonly (FailureData | null)[]): {
  atU32: Uint8Array;
  failures: Failure[];
} {
  const at: number[] = [];
  const present: Failure[] = [];
  failures.forEach((failure, i) => {
    if (failure === null) return;
    at.push(i);
    present.push(writeFailure(failure));
  });
  return { atU32: bytesOf(Uint32Array.from(at)), failures: present };
}

function readFailures(
  wire: NonNullable<TaskResults__Output['failures']>,
  count: number,
): (FailureData | null)[] {
  const at = readU32(wire.atU32, 'failures.at');
  checkLength(wire.failures, at.length, 'failures');
  const out: (FailureData | null)[] = new Array(count).fill(null);
  for (let k = 0; k < at.length; k++) {
    check(at[k]! < count && (k === 0 || at[k]! > at[k - 1]!), `failure of entry ${at[k]} is out of place`);
    out[at[k]!] = readFailure(wire.failures[k]!);
  }
  return out;
}

function readParallel(bytes: Uint8Array, count: number, what: string): Float64Array {
  const out = readF64(bytes, what);
  checkLength(out, count, what);
  return out;
}
