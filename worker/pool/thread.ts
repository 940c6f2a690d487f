import { setImmediate as othersTurn, setTimeout as pause } from 'node:timers/promises';
import { threadId, workerData } from 'node:worker_threads';
import { rehearsedFiles } from '../../core/base/entries.js';
import { VolleyError } from '../../core/base/errors.js';
import { formatTask } from '../../core/base/ids.js';
import { shareNodeMemory } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import { provideTaskGlobals } from '../../core/client/revive.js';
import { setTaskContext } from '../../core/client/task-context.js';
import { toFailure } from '../../core/wire/failure.js';
import { Collector } from './collector.js';
import { LaneWords } from './lane-words.js';
import { Mailbox, NodeFault } from './mailbox.js';
import { InputLost, PeerInput } from './peer-input.js';
import type { Template, ThreadBatch, ThreadInput, ThreadReply, ThreadSetup } from './protocol.js';
import { fragmentRunner, keepAtMost, rehearsal, warmUp } from './run-fragment.js';
import { functionRunner } from './run-function.js';
import type { TaskOutput, TaskRun, TaskRunner } from './task-run.js';

/** What piscina runs in each thread: tasks of a batch one after another, until none is left to claim. */

// Tasks may name these without bringing them along; they are loaded for the first that does.
provideTaskGlobals(['col', 'lit', 'when', 'coalesce', 'concatStr', 'DataType'], async () => ({
  ...(await import('../../dataframe/expr/expr.js')),
  DataType: (await import('../../dataframe/column/datatype.js')).DataType,
}));

const setup = workerData as ThreadSetup;
const words = new LaneWords(setup.words);
const mailbox = new Mailbox(words, setup.memory?.memory.buffer ?? null);
/** Of the running batch, and those that keep something until their job ends. By job and template. */
const runners = new Map<string, Promise<TaskRunner>>();
/** When there was work last. */
let restedMs = performance.now();
/** Aborts the signal of the running task; a new one is made for the next. */
let controller = new AbortController();

mailbox.onAbort = () =>
  controller.abort(new VolleyError('CANCELLED', 'the task was cancelled or ran past its limit'));

mailbox.onDropJob = job => {
  for (const key of [...runners.keys()]) if (key.startsWith(`${job}/`)) runners.delete(key);
};

/** The entry of pool.run. Never rejects: every failure belongs to a task. Null only starts the thread. */
export async function runBatch(batch: ThreadBatch | null): Promise<ThreadReply | null> {
  if (batch === null) return null;
  words.passGate();
  const collector = new Collector();
  let streamed = 0;
  let flushedMs = performance.now();
  const flush = () => {
    if (collector.empty) return;
    mailbox.post({ kind: 'results', results: collector.take(batch.lane, batch.batch) });
    streamed++;
    flushedMs = performance.now();
  };
  mailbox.begin(batch.lane, batch.batch);
  if (batch.announce) mailbox.post({ kind: 'task-begins', lane: batch.lane, batch: batch.batch });
  for (let at = words.claim(batch.lane); at >= 0; at = words.claim(batch.lane)) {
    const startMs = performance.now();
    if (collector.isDue(startMs - flushedMs, batch.together)) flush();
    await runTask(batch, at, startMs, collector, flush);
  }
  const keeps = await settleRunner(batch);
  // The lane's memory is for others then: a warm-up beside the batch may have been working in it.
  await warm;
  mailbox.end();
  restedMs = performance.now();
  return { ...collector.take(batch.lane, batch.batch), streamed, thread: threadId, keeps };
}

/** Lets the batch's runner go unless it, or its template, is to be kept for other batches. */
async function settleRunner({ job, template, definition }: ThreadBatch): Promise<boolean> {
  const key = `${job}/${template}`;
  const keeps = await runners.get(key)?.then(
    runner => runner.keeps || definition === null,
    () => definition === null,
  );
  if (!keeps) runners.delete(key);
  return keeps === true;
}

async function runTask(
  batch: ThreadBatch,
  position: number,
  startMs: number,
  collector: Collector,
  flush: () => void,
): Promise<void> {
  const allocated: { bytes: Uint8Array | null } = { bytes: null };
  const id = formatTask(batch.job, batch.indices[position]!);
  const attempt = batch.attempts[position]!;
  try {
    const runner = await runnerOf(batch.job, batch.template, batch.definition);
    if (controller.signal.aborted) controller = new AbortController();
    const { signal } = controller;
    setTaskContext({ task: id, name: batch.name, attempt, node: setup.node, labels: setup.labels, signal });
    const pending = runner.run(taskRun(batch, position, allocated, flush));
    const output = pending instanceof Promise ? await pending : pending;
    collect(output, position, (performance.now() - startMs) * 1000, allocated.bytes, collector);
  } catch (error) {
    collector.other({
      kind: 'failed',
      position,
      durationUs: (performance.now() - startMs) * 1000,
      failure: toFailure(error, { name: batch.name, id, node: setup.node, attempt }),
      system: error instanceof NodeFault,
      lost: error instanceof InputLost ? error.task : null,
    });
  } finally {
    setTaskContext(null);
  }
}

function collect(
  output: TaskOutput,
  position: number,
  durationUs: number,
  allocated: Uint8Array | null,
  collector: Collector,
): void {
  if (output.kind === 'value') {
    collector.enclosed(position, durationUs, output.rows, output.value);
    return;
  }
  const shared = allocated !== null && allocated.buffer instanceof SharedArrayBuffer;
  collector.other({
    kind: 'stored',
    position,
    durationUs,
    rows: output.rows,
    bytes: shared ? null : (allocated ?? new Uint8Array(0)),
    slices: output.slices,
  });
}

function taskRun(
  batch: ThreadBatch,
  position: number,
  allocated: { bytes: Uint8Array | null },
  flush: () => void,
): TaskRun {
  const { args, inputs } = batch;
  return {
    attempt: batch.attempts[position]!,
    position: batch.positions[position]!,
    args: args?.bytes.subarray(args.offsets[position]!, args.offsets[position + 1]!) ?? null,
    inputs: inputs?.[position] ?? [],
    inlineResult: batch.inlineResult,
    view,
    allocate(byteLength) {
      const room = byteLength > limits.inlineResultBytes ? roomOf(batch, position, byteLength) : null;
      // Small results are cheaper copied with the report than negotiated for.
      const copied = () => (byteLength <= limits.copiedResultBytes ? new Uint8Array(byteLength) : null);
      allocated.bytes = room ?? copied();
      if (allocated.bytes === null) {
        if (batch.together) flush(); // Only what the engine knows of can be spilled for it.
        allocated.bytes = mailbox.allocate(position, byteLength);
      }
      return allocated.bytes;
    },
  };
}

function roomOf({ rooms }: ThreadBatch, position: number, byteLength: number): Uint8Array | null {
  const room = rooms?.[position] ?? null;
  if (room === null || room.byteLength < byteLength) return null;
  return new Uint8Array(mailbox.arena(room.arena), room.offset, byteLength);
}

function view(input: Exclude<ThreadInput, { value: Uint8Array }>) {
  if ('ask' in input) return mailbox.input(input);
  if ('bytes' in input) return input;
  if ('place' in input) return new PeerInput(input);
  const { header, arena, offset, trusted } = input;
  return { header, bytes: new Uint8Array(mailbox.arena(arena), offset, header.byteLength), trusted };
}

/** A template that cannot be made ready fails every task of it alike. */
function runnerOf(job: number, template: number, given: Template | null): Promise<TaskRunner> {
  const key = `${job}/${template}`;
  let runner = runners.get(key);
  if (runner === undefined) {
    runner = makeRunner(given ?? mailbox.template(job, template));
    runners.set(key, runner);
  }
  return runner;
}

shareNodeMemory(setup.memory);
keepAtMost(setup.keptBytes);
// While nothing is asked of the thread yet. Should it fail, the first task says so.
const warm = warmUp()
  .catch(() => {})
  .finally(() => {
    restedMs = performance.now();
    mailbox.post({ kind: 'thread-loaded', thread: threadId });
  });

warm.then(rehearseWhileIdle).catch((error: Error) => {
  // Nothing depends on it: the program only hears of it.
  process.emitWarning(`volley: an idle thread's rehearsal failed: ${error.message}`);
});

/**
 * Step by step until there is work for any thread, which would wait for a core, or for the system's lock of our memory map; then on when that
 * has been over for a while. Where there always is something to do, nobody needs a rehearsal.
 */
async function rehearseWhileIdle(): Promise<void> {
  const steps = rehearsal(rehearsedFiles());
  for (const endMs = performance.now() + limits.rehearsalWithinMs; performance.now() < endMs; ) {
    if (words.busy) restedMs = performance.now();
    const waitMs = setup.idleMs - (performance.now() - restedMs);
    if (waitMs > 0) {
      await pause(waitMs, null, { ref: false });
      continue;
    }
    for (; !words.busy; await othersTurn()) {
      const next = steps.next();
      if (next.done === true) return;
      await next.value();
    }
  }
}

async function makeRunner({ kind, body }: Template): Promise<TaskRunner> {
  return kind === 'function' ? functionRunner(body) : fragmentRunner(body, setup.node, setup.allowPaths);
}
