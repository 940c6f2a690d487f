import { describe, expect, test } from 'vitest';
import { isVolleyError, VolleyError } from '../base/errors.js';
import { seededRng } from '../base/rng.js';
import { noChecksum } from '../graph/partition.js';
import {
  decodeArguments,
  decodePayload,
  decodeValue,
  encodePayload,
  encodeValue,
  InputSlot,
  payloadByteLength,
  planPayload,
  resolveInputs,
} from './payload.js';

const roundTrip = (value: unknown): unknown => {
  const { header, bytes } = encodePayload(value);
  return decodePayload(header.meta, bytes);
};

function refusal(value: unknown): VolleyError {
  try {
    encodeValue(value, 'result');
  } catch (error) {
    if (isVolleyError(error)) return error;
    throw error;
  }
  throw new Error('it was encoded');
}

describe('values', () => {
  test.each([
    ['Date', new Date('2026-01-01T00:00:00.123Z')],
    [
      'Map with any keys',
      new Map<unknown, unknown>([
        [{ a: 1 }, 1n],
        [undefined, new Set([-0, Number.NaN])],
      ]),
    ],
    ['RegExp', [/a\/b/giu, /[^a]/y]],
    ['URL', new URL('https://example.org/?q=1')],
    ['DataView', new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 2)],
    ['ArrayBuffer', new Uint8Array([1, 2, 3]).buffer],
    ['nested', { a: [{ b: new Map([['c', [new Date(0)]]]) }], d: undefined }],
    ['boxed', [Object(1), Object('x'), Object(2n)]],
    ['large text', 'ä'.repeat(10_000)],
    ['many records', Array.from({ length: 500 }, (_, i) => ({ id: i, name: `n${i}` }))],
  ])('round-trips %s', (_name, value) => {
    expect(roundTrip(value)).toStrictEqual(value);
    expect(decodeValue(encodeValue(value))).toStrictEqual(value);
  });

  test('an invalid Date stays invalid', () => {
    expect(Number.isNaN((roundTrip(new Date(Number.NaN)) as Date).getTime())).toBe(true);
  });

  test('a sparse array keeps its holes', () => {
    const sparse: unknown[] = [1];
    sparse[7] = undefined;
    sparse.length = 1e9;
    const back = roundTrip(sparse) as unknown[];
    expect(back.length).toBe(1e9);
    expect(Object.keys(back)).toEqual(['0', '7']);
  });

  test('a Buffer arrives as a Uint8Array; subclasses of arrays as arrays', () => {
    class List extends Array<number> {}
    expect(roundTrip(Buffer.from('hi'))).toStrictEqual(new Uint8Array([104, 105]));
    expect(roundTrip(List.from([1, 2]))).toStrictEqual([1, 2]);
  });

  test('a class instance arrives as its own properties, like with structuredClone', () => {
    class Point {
      x = 1;
      y = -0;
      get length() {
        return 5;
      }
    }
    expect(roundTrip(new Point())).toStrictEqual({ x: 1, y: -0 });
  });

  test('what is reached twice is copied twice', () => {
    const shared = { n: 1 };
    const back = roundTrip([shared, shared, { again: shared }]) as unknown[];
    expect(back).toStrictEqual([{ n: 1 }, { n: 1 }, { again: { n: 1 } }]);
    expect(back[0]).not.toBe(back[1]);
  });

  test('errors as values keep class, code, cause and properties, without what cannot travel', () => {
    const error = Object.assign(new TypeError('bad', { cause: new RangeError('deep') }), {
      code: 'E_BAD',
      detail: new Map([[1, 2]]),
      callback: () => 1,
    });
    (error as unknown as Record<string, unknown>).self = error;
    const back = roundTrip({ error }) as { error: TypeError & Record<string, unknown> };
    expect(back.error).toBeInstanceOf(TypeError);
    expect(back.error.cause).toBeInstanceOf(RangeError);
    expect(back.error.stack).toBe(error.stack);
    expect(Object.keys(back.error).sort()).toEqual(['code', 'detail']);
    expect(roundTrip(new VolleyError('TIMEOUT', 'late', { ms: 5 }))).toMatchObject({
      code: 'TIMEOUT',
      data: { ms: 5 },
    });
  });
});

// FAULTS row 16.
describe('what cannot travel is refused with its place', () => {
  const cycle: { list: unknown[] } = { list: [] };
  cycle.list.push(new Map([['back', cycle]]));
  test.each<[string, unknown, string]>([
    ['a function', { items: [0, 1, 2, { callback: () => 1 }] }, 'result.items[3].callback is a function'],
    ['a method of an odd name', { 'a b': Math.max }, 'result["a b"] is a function'],
    ['a symbol', [Symbol('s')], 'result[0] is a symbol'],
    ['a Promise', { later: Promise.resolve(1) }, 'result.later is a Promise: await it first'],
    [
      'a thenable',
      {
        later: Object.create({ ['th' + 'en']() {} }),
      },
      'result.later is a thenable',
    ],
    ['a WeakMap', new Map([['w', new WeakMap()]]), 'result.get("w") is a WeakMap'],
    ['a WeakSet in a Set', new Set([new WeakSet()]), 'item 0 of result is a WeakSet'],
    ['a Proxy', [new Proxy({}, {})], 'result[0] is a Proxy'],
    ['a web stream', new ReadableStream(), 'result is a ReadableStream'],
    ['a Node stream', { out: process.stdout }, 'result.out is a stream'],
    ['a generator', (function* () {})(), 'result is an iterator'],
    ['an AbortSignal', new AbortController().signal, 'result is a AbortSignal'],
    ['a cycle', cycle, 'result.list[0].get("back") is result again: a cycle'],
  ])('%s', (_name, value, message) => {
    const error = refusal(value);
    expect(error.code).toBe('SERIALIZATION');
    expect(error.message).toContain(message);
  });

  test('references that unfold without end are refused, not endured', () => {
    let value: unknown = [1];
    for (let i = 0; i < 60; i++) value = [value, value];
    expect(refusal(value).message).toContain('unfolds to more than');
  });
});

describe('partitions', () => {
  test('large binary lies aligned in the bytes and is read without a copy', () => {
    const value = {
      text: 'x',
      wide: new Float64Array(1000).fill(1.5),
      odd: new Uint8Array(5001).fill(7),
      words: new Uint32Array(2000).fill(9),
      small: new Float64Array([1]),
    };
    const { header, bytes } = encodePayload(value);
    expect(header.rows).toBe(1);
    expect(header.byteLength).toBe(bytes.byteLength);
    expect(header.checksum).toBe(noChecksum);
    expect(payloadByteLength(value)).toBe(bytes.byteLength);
    const back = decodePayload(header.meta, bytes) as typeof value;
    expect(back).toStrictEqual(value);
    for (const part of [back.wide, back.odd, back.words]) {
      expect(part.buffer).toBe(bytes.buffer);
      expect(part.byteOffset % 64).toBe(0);
    }
    expect(back.small.buffer).not.toBe(bytes.buffer);
  });

  test('a large body is part of the bytes, before the binary', () => {
    const value = [Array.from({ length: 4000 }, (_, i) => `row ${i}`), new Int32Array(3000).fill(5)];
    const { header, bytes } = encodePayload(value);
    expect(header.meta.byteLength).toBeLessThan(16);
    const back = decodePayload(header.meta, bytes) as [string[], Int32Array];
    expect(back).toStrictEqual(value);
    expect(back[1].buffer).toBe(bytes.buffer);
  });

  test('a plan writes into memory that is given, and only there', () => {
    const plan = planPayload({ a: new Uint8Array(4097).fill(1), b: new Uint8Array(4096).fill(2) });
    const memory = new Uint8Array(new SharedArrayBuffer(plan.byteLength + 128)).fill(255);
    const slab = memory.subarray(64, 64 + plan.byteLength);
    plan.writeInto(slab);
    expect(memory.subarray(0, 64).every(byte => byte === 255)).toBe(true);
    expect(memory.subarray(64 + plan.byteLength).every(byte => byte === 255)).toBe(true);
    expect(decodePayload(plan.meta, slab)).toEqual({
      a: new Uint8Array(4097).fill(1),
      b: new Uint8Array(4096).fill(2),
    });
  });

  test('a plan gives small values inline', () => {
    const value = { a: new Float64Array(600), b: 'x'.repeat(5000) };
    const plan = planPayload(value);
    expect(plan.inline(9000)).toBeNull();
    expect(decodeValue(plan.inline(16_384)!)).toEqual(value);
    expect(planPayload({ small: 1 }).inline(100)).toEqual(encodeValue({ small: 1 }));
  });

  test('bytes at an unaligned place are still read', () => {
    const { header, bytes } = encodePayload(new Float64Array(1000).fill(2));
    const shifted = new Uint8Array(bytes.byteLength + 3);
    shifted.set(bytes, 3);
    expect(decodePayload(header.meta, shifted.subarray(3))).toEqual(new Float64Array(1000).fill(2));
  });

  test('random damage to meta or bytes: a value or DECODE, nothing else', () => {
    const seed = 424_242;
    console.info(`seed ${seed}`);
    const random = seededRng(seed);
    const originals = [
      encodePayload({ a: new Float64Array(600), b: new Map([['k', 5n]]), c: new ArrayBuffer(5000) }),
      encodePayload([
        Array.from({ length: 1500 }, (_, i) => ({ i, at: new Date(i) })),
        new Uint16Array(4000),
      ]),
    ];
    for (let round = 0; round < 4000; round++) {
      const original = originals[round % 2]!;
      const meta = original.header.meta.slice();
      let bytes = original.bytes.slice();
      if (random() < 0.5) meta[Math.floor(random() * meta.length)] = Math.floor(random() * 256);
      else bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      if (random() < 0.2) bytes = bytes.subarray(0, Math.floor(random() * bytes.length));
      try {
        decodePayload(meta, bytes);
      } catch (error) {
        if (!isVolleyError(error, 'DECODE')) throw new Error(`round ${round}`, { cause: error });
      }
    }
  });
});

describe('inputs', () => {
  test('slots stand for inputs in arrays and plain objects', () => {
    const args = [new InputSlot(1), { deep: [new InputSlot(0), 'kept'] }, 3];
    const decoded = decodeArguments(encodeValue(args), ['first', { second: true }]);
    expect(decoded).toStrictEqual([{ second: true }, { deep: ['first', 'kept'] }, 3]);
  });

  test('what holds no slot is returned as it is', () => {
    const value = [{ a: [1, 2] }, new Map([[1, 2]])];
    expect(resolveInputs(value, ['unused'])).toBe(value);
  });

  test('a slot beyond the inputs is refused', () => {
    expect(() => resolveInputs([new InputSlot(2)], ['one'])).toThrow(VolleyError);
  });
});
