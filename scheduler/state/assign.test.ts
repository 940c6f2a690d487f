import { expect, test } from 'vitest';
import type { JobId, TemplateId } from '../../core/base/ids.js';
import { limits } from '../../core/base/limits.js';
import { defaultTaskOptions } from '../../core/graph/layer.js';
import { sliceArgs } from './assign.js';
import { cluster } from './testing/kit.js';

const table = { offsets: Uint32Array.of(0, 2, 2, 5, 6), bytes: Uint8Array.of(1, 2, 3, 4, 5, 6) };

test('arguments of consecutive tasks share the layer bytes; others are gathered', () => {
  const run = sliceArgs(table, [1, 2]);
  expect([[...run.offsets], [...run.bytes]]).toEqual([
    [0, 0, 3],
    [3, 4, 5],
  ]);
  expect(run.bytes.buffer).toBe(table.bytes.buffer);
  const some = sliceArgs(table, [3, 0]);
  expect([[...some.offsets], [...some.bytes]]).toEqual([
    [0, 1, 3],
    [6, 1, 2],
  ]);
});

test('large arguments are spread over messages', () => {
  const t = cluster({ workers: 1, threads: 4 });
  const mega = limits.enclosedBytes / 2 + 1;
  t.client({
    kind: 'template',
    spec: { job: 1 as JobId, template: 9 as TemplateId, kind: 'function', name: 'a', body: new Uint8Array() },
  });
  t.layers.set('a', { first: 0, count: 3 });
  const args = { offsets: Uint32Array.from([0, 1, 2, 3], i => i * mega), bytes: new Uint8Array(3 * mega) };
  const layer = {
    job: 1 as JobId,
    first: 0,
    count: 3,
    template: 9 as TemplateId,
    dependencies: [],
    args,
    slices: 1,
  };
  t.client({ kind: 'submit', layer: { ...layer, options: { ...defaultTaskOptions, name: 'a' } } });
  t.runOn(0, 'a', 'a.1', 'a.2').expectQuiet();
  expect(t.assignments.map(message => message.indices.length)).toEqual([1, 1, 1]);
});

test('a task whose enclosed inputs fit into no message fails and says the way out', () => {
  const t = cluster({ workers: 1, threads: 4 })
    .submit('a*4', { inlineResult: true })
    .runOn(0, 'a', 'a.1', 'a.2', 'a.3');
  const inline = new Uint8Array(limits.assignmentBytes / 4 + 1);
  for (const task of ['a', 'a.1', 'a.2', 'a.3']) t.finish(task, { inline }).saw(`client ${task} done`);
  t.submit('a*4 => sum').saw('fault task-failed sum', 'client sum failed RESOURCE_EXHAUSTED').expectQuiet();
  expect(t.explain('sum').reason).toContain('scatter large values');
});

test('enclosed results are told in several messages when they are large, in order', () => {
  const t = cluster({ workers: 1, threads: 4 })
    .submit('a*3', { inlineResult: true })
    .runOn(0, 'a', 'a.1', 'a.2');
  const inline = new Uint8Array(limits.enclosedBytes);
  const before = t.sequence;
  t.worker(0, {
    kind: 'tasks-finished',
    job: 1 as JobId,
    indices: Uint32Array.of(0, 1, 2),
    attempts: Uint32Array.of(1, 1, 1),
    rows: new Float64Array(3),
    bytes: new Float64Array(3),
    durationUs: new Float64Array(3),
    inline: [inline, inline, new Uint8Array(1)],
  });
  expect(t.sequence - before).toBe(3);
  t.saw('client a done', 'client a.1 done', 'client a.2 done').ack().expectQuiet();
  expect(t.state.clients.get(1)!.unackedBytes).toBe(0);
});

test('a client that takes in nothing gets no more enclosed results made', () => {
  const t = cluster({ workers: 1 }).submit('a*40', { inlineResult: true }).runOn(0, 'a', 'a.1');
  const client = t.state.clients.get(1)!;
  client.unackedBytes = limits.unackedInlineBytes + 1;
  t.finish('a', { inline: new Uint8Array(1) })
    .saw('client a done')
    .expectQuiet();
  expect(t.explain('a.2').reason).toContain('its client has not taken in the results');
  client.unackedBytes = 1;
  t.ack().runOn(0, 'a.2').expectQuiet();
  expect(client.unackedBytes).toBe(0);
});

test('finished tasks may be told together where nothing follows from some of them', () => {
  const together = { reportedTogether: true };
  const given = (drawing: string, options: object) => {
    const t = cluster({ threads: 2 }).submit(drawing, options).join();
    return t.assignments.map(message => message.reportedTogether);
  };
  expect(given('a*2 ~> b*2', together)).toEqual([true]);
  expect(given('a*2', together)).toEqual([true]);
  // Their client wants to hear of each, or gets the values with what it hears.
  expect(given('a*2', {})).toEqual([false]);
  expect(given('a*2', { ...together, inlineResult: true })).toEqual([false]);
  // A task that reads one of them can begin when it is done.
  expect(given('a*2 -> b*2', together)).toEqual([false]);
  expect(given('a*2 -2> b', together)).toEqual([false]);
  // More wait for their place: of this layer, or of another.
  expect(given('a*5', together)).toEqual([false]);
  expect(given('a*4 ~> b; c', together)).toEqual([false]);
});

test('the last tasks of a layer may be told together', () => {
  const t = cluster({ workers: 1, threads: 2 }).submit('a*5', { reportedTogether: true });
  t.runOn(0, 'a', 'a.1', 'a.2', 'a.3').finish('a').runOn(0, 'a.4').expectQuiet();
  expect(t.assignments.map(message => message.reportedTogether)).toEqual([false, true]);
});
