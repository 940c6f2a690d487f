import { describe, expect, test } from 'vitest';
import { isVolleyError } from '../base/errors.js';
import type { JobId, TemplateId } from '../base/ids.js';
import { limits } from '../base/limits.js';
import { type Rng, seededRng } from '../base/rng.js';
import { defaultTaskOptions, type LayerSpec } from '../graph/layer.js';
import { type Codec, clientToHead, headToClient, headToWorker, workerToHead } from './codec.js';
import type { ClientToHead, HeadToClient, TasksFinished, WorkerToHead } from './messages.js';
import { schema } from './proto.js';
import { RandomMessages } from './testing/random-messages.js';

const seed = Number(process.env.VOLLEY_TEST_SEED ?? 20_261_127);
console.log(`codec.test seed ${seed} (VOLLEY_TEST_SEED)`);

interface Direction<M> {
  readonly name: string;
  readonly codec: Codec<M>;
  make(random: RandomMessages): M;
}

const directions: Direction<never>[] = [
  { name: 'worker → head', codec: workerToHead, make: (random: RandomMessages) => random.workerToHead() },
  { name: 'head → worker', codec: headToWorker, make: (random: RandomMessages) => random.headToWorker() },
  { name: 'client → head', codec: clientToHead, make: (random: RandomMessages) => random.clientToHead() },
  { name: 'head → client', codec: headToClient, make: (random: RandomMessages) => random.headToClient() },
] as unknown as Direction<never>[];

/** Throws anything but DECODE onwards. */
function survives(codec: Codec<never>, frame: Uint8Array): 'decoded' | 'refused' {
  try {
    codec.decode(frame);
    return 'decoded';
  } catch (error) {
    if (isVolleyError(error, 'DECODE')) return 'refused';
    throw error;
  }
}

function mutate(frame: Buffer, rng: Rng): Buffer {
  const out = Buffer.from(frame);
  const at = Math.floor(rng() * out.length);
  switch (Math.floor(rng() * 4)) {
    case 0:
      out[at]! ^= 1 << Math.floor(rng() * 8);
      return out;
    case 1:
      return out.subarray(0, at);
    case 2:
      out[at] = Math.floor(rng() * 256);
      return out;
    default:
      return Buffer.concat([out.subarray(0, at), out.subarray(at + 1 + Math.floor(rng() * 8))]);
  }
}

describe.each(directions)('$name', ({ codec, make }) => {
  test('random batches come back equal', () => {
    const random = new RandomMessages(seededRng(seed));
    for (let i = 0; i < 300; i++) {
      const batch = Array.from({ length: i % 7 }, () => make(random));
      expect(codec.decode(codec.encode(batch))).toEqual(batch);
    }
  });

  test('flipped, cut and spliced frames are refused with DECODE or are other valid messages', () => {
    const rng = seededRng(seed);
    const random = new RandomMessages(rng);
    let refused = 0;
    for (let i = 0; i < 400; i++) {
      const frame = codec.encode(Array.from({ length: 3 }, () => make(random)));
      for (let k = 0; k < 10; k++) if (survives(codec, mutate(frame, rng)) === 'refused') refused++;
    }
    expect(refused).toBeGreaterThan(400);
  });

  test('noise is refused', () => {
    const rng = seededRng(seed);
    for (let i = 0; i < 300; i++) {
      const noise = Buffer.from(
        Array.from({ length: 1 + Math.floor(rng() * 200) }, () => Math.floor(rng() * 256)),
      );
      survives(codec, noise);
    }
    expect(survives(codec, Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toBe('refused');
  });
});

const finished: TasksFinished = {
  kind: 'tasks-finished',
  job: 1 as JobId,
  indices: Uint32Array.of(1, 2),
  attempts: Uint32Array.of(0, 0),
  rows: Float64Array.of(1, 2),
  bytes: Float64Array.of(1, 2),
  durationUs: Float64Array.of(1, 2),
  inline: [new Uint8Array([1]), null],
};

const layer: LayerSpec = {
  job: 1 as JobId,
  first: 0,
  count: 2,
  template: 1 as TemplateId,
  dependencies: [],
  args: null,
  slices: 1,
  options: defaultTaskOptions,
};

describe('shapes that parse but make no sense are refused', () => {
  const wrongWorker: [string, WorkerToHead][] = [
    ['attempts too short', { ...finished, attempts: Uint32Array.of(0) }],
    ['rows too long', { ...finished, rows: new Float64Array(3) }],
    ['inline too short', { ...finished, inline: [null] }],
    ['unknown reason', { ...failed(), reason: 'whatever' as never }],
  ];
  test.each(wrongWorker)('%s', (_, message) => {
    expect(() => workerToHead.decode(workerToHead.encode([message]))).toThrow(
      expect.objectContaining({ code: 'DECODE' }),
    );
  });

  const from = { job: 1 as JobId, first: 0, count: 4 };
  const wrongClient: [string, LayerSpec][] = [
    ['one-to-one of other length', { ...layer, dependencies: [{ rule: 'one-to-one', from }] }],
    [
      'descending offsets',
      { ...layer, dependencies: [{ rule: 'group', from, offsets: Uint32Array.of(0, 3, 2) }] },
    ],
    [
      'offsets beyond',
      { ...layer, dependencies: [{ rule: 'group', from, offsets: Uint32Array.of(0, 3, 5) }] },
    ],
    ['too few offsets', { ...layer, dependencies: [{ rule: 'group', from, offsets: Uint32Array.of(0, 3) }] }],
    ['args beyond', { ...layer, args: { offsets: Uint32Array.of(0, 1, 9), bytes: new Uint8Array(5) } }],
    [
      'a label named __proto__',
      { ...layer, options: { ...defaultTaskOptions, labels: JSON.parse('{"__proto__":"x"}') } },
    ],
    ['a priority that is no number', { ...layer, options: { ...defaultTaskOptions, priority: Number.NaN } }],
  ];
  test.each(wrongClient)('%s', (_, spec) => {
    const message: ClientToHead = { kind: 'submit', layer: spec };
    expect(() => clientToHead.decode(clientToHead.encode([message]))).toThrow(
      expect.objectContaining({ code: 'DECODE' }),
    );
  });

  test('an outcome nobody knows', () => {
    const message: HeadToClient = {
      kind: 'task-results',
      sequence: 1,
      job: 1 as JobId,
      indices: Uint32Array.of(0),
      outcomes: Uint8Array.of(3),
      rows: new Float64Array(1),
      bytes: new Float64Array(1),
      holders: new Uint32Array(1),
      inline: null,
      failures: null,
    };
    expect(() => headToClient.decode(headToClient.encode([message]))).toThrow(
      expect.objectContaining({ code: 'DECODE' }),
    );
  });

  test('a frame of empty messages is refused before they are built', () => {
    const frame = Buffer.alloc(16 * 1024 * 1024);
    for (let i = 0; i < frame.length; i += 2) frame[i] = 0x0a;
    expect(survives(workerToHead as Codec<never>, frame)).toBe('refused');
  });

  test('numbers that are not whole', () => {
    const frame = schema().workerFrame.encode({
      messages: [{ returned: { job: 1, indicesU32: Buffer.alloc(7), attemptsU32: Buffer.alloc(7) } }],
    });
    expect(survives(workerToHead as Codec<never>, frame)).toBe('refused');
  });
});

test('a table that is a view into a larger one is rebased', () => {
  const args = { offsets: Uint32Array.of(3, 5, 9), bytes: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9) };
  const [message] = clientToHead.decode(clientToHead.encode([{ kind: 'submit', layer: { ...layer, args } }]));
  expect(message).toEqual({
    kind: 'submit',
    layer: { ...layer, args: { offsets: Uint32Array.of(0, 2, 6), bytes: Uint8Array.of(3, 4, 5, 6, 7, 8) } },
  });
});

test('a decoded message shares no memory with its frame', () => {
  const frame = workerToHead.encode([finished]);
  const decoded = workerToHead.decode(frame);
  frame.fill(0xff);
  expect(decoded).toEqual([finished]);
});

test('a chain of causes longer than the bound crosses cut, not broken', () => {
  let cause = new RandomMessages(seededRng(seed)).failure(0);
  for (let i = 0; i < 200; i++) cause = { name: 'Error', message: `${i}`, stack: '', cause };
  const [message] = workerToHead.decode(workerToHead.encode([{ ...failed(), failure: cause }]));
  let depth = 0;
  for (let at = message?.kind === 'task-failed' ? message.failure : undefined; at; at = at.cause) depth++;
  expect(depth).toBe(limits.failureDepth);
});

function failed(): Extract<WorkerToHead, { kind: 'task-failed' }> {
  return {
    kind: 'task-failed',
    task: { job: 1 as JobId, index: 2 },
    attempt: 0,
    reason: 'application',
    failure: { name: 'Error', message: 'm', stack: 's' },
    lostInputs: [],
  };
}
