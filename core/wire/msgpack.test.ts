import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { isVolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import { seededRng } from '../base/rng.js';
import { packData, unpackData } from './msgpack.js';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isVolleyError(error) ? error.code : `not a VolleyError: ${String(error)}`;
  }
  return 'nothing was thrown';
}

/** What msgpackr would write with everything allowed: the bytes a hostile peer could send. */
function hostile(value: unknown): Uint8Array {
  return new Uint8Array(new Packr({ useRecords: false, moreTypes: true, structuredClone: true }).pack(value));
}

describe('packData', () => {
  test.each([
    ['null', null],
    ['undefined', undefined],
    ['booleans', [true, false]],
    [
      'integers',
      [0, 1, -1, 127, 128, -32, -33, 65_535, 65_536, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, -(2 ** 53)],
    ],
    ['fractions', [0.1, -1.5e300, Number.MIN_VALUE, Number.NaN, Infinity, -Infinity]],
    ['minus zero', [-0, { deep: -0 }]],
    ['bigints', [0n, 5n, -5n, 2n ** 63n, -(2n ** 64n), 3n ** 500n]],
    ['text', ['', 'a', 'ä'.repeat(40), '🙂'.repeat(5000), 'x'.repeat(70_000), 'a\u0000b']],
    ['lone surrogates', ['\ud800', { '\udc00': 1 }]],
    ['records', { a: { b: [{ c: undefined }] }, constructor: 1, toJSON: 2, hasOwnProperty: 3, '': 4 }],
    ['the mark as a key', { '\u0000': [3, 5], other: 1 }],
    ['a null prototype', Object.assign(Object.create(null), { a: 1 })],
  ])('round-trips %s', (_name, value) => {
    expect(unpackData(packData(value))).toStrictEqual(value);
  });

  test('round-trips every kind of typed array as that kind', () => {
    const value = {
      a: new Uint8Array([1, 2]),
      b: new Int8Array([-1]),
      c: new Uint8ClampedArray([255]),
      d: new Int16Array([-300]),
      e: new Uint16Array([300]),
      f: new Int32Array([-70_000]),
      g: new Uint32Array([4e9]),
      h: new Float32Array([1.5]),
      i: new Float64Array([0.1, Number.NaN]),
      j: new BigInt64Array([-5n]),
      k: new BigUint64Array([5n]),
    };
    const back = unpackData(packData(value));
    expect(back).toStrictEqual(value);
  });

  test('binary does not alias the bytes it came from', () => {
    const bytes = packData({ part: new Uint8Array([1, 2, 3]) });
    const back = unpackData<{ part: Uint8Array }>(bytes);
    bytes.fill(0);
    expect([...back.part]).toEqual([1, 2, 3]);
  });

  test('an own __proto__ is data and pollutes nothing', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
    const back = unpackData<Record<string, unknown>>(packData(value));
    expect(Object.keys(back)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('objects with more keys than a 16-bit map holds', () => {
    const value = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]));
    expect(unpackData(packData(value))).toEqual(value);
  });

  test('leaves the bytes it is given untouched', () => {
    const bytes = packData({ a: 'x'.repeat(300) });
    unpackData(bytes);
    expect(Object.keys(bytes).some(key => key === 'dataView')).toBe(false);
  });

  test('reads from shared memory', () => {
    const bytes = packData({ text: 'ä'.repeat(200), n: new Float64Array([1, 2]) });
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength));
    shared.set(bytes);
    expect(unpackData(shared)).toEqual({ text: 'ä'.repeat(200), n: new Float64Array([1, 2]) });
  });

  test('a cycle is an error of its own, not a stack overflow', () => {
    const value: Record<string, unknown> = { name: 'loop', wide: Array.from({ length: 1000 }, () => 1) };
    value.self = { again: [value] };
    expect(codeOf(() => packData(value))).toBe('SERIALIZATION');
  });

  test('nesting is bounded', () => {
    const nest = (levels: number): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) value = i % 3 === 0 ? new Map([[1, value]]) : [value];
      return value;
    };
    const deepest = nest(limits.decodeDepth);
    expect(unpackData(packData(deepest))).toEqual(deepest);
    expect(codeOf(() => packData(nest(limits.decodeDepth + 1)))).toBe('SERIALIZATION');
  });
});

// FAULTS row 8.
describe('unpackData refuses', () => {
  test.each([
    ['a RegExp extension', hostile(/(a+)+$/)],
    ['an Error extension', hostile(new Error('boo'))],
    ['a Set extension', hostile(new Set([1]))],
    ['a typed-array extension', hostile(new Float64Array([1]))],
    ['a Date extension', hostile(new Date(5))],
    ['a bigint extension', hostile(2n ** 70n)],
    ['a record definition', new Uint8Array(new Packr({ useRecords: true }).pack({ a: 1 }))],
    ['pointers of structured clone', hostile([[1], [2]].map((x, _, all) => [x, all]))],
    ['trailing bytes', new Uint8Array([1, 2])],
    ['no bytes', new Uint8Array(0)],
    ['a rich prefix alone', new Uint8Array([0xc1])],
    ['an array that claims 4 G items', new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff, 1])],
    ['a string that claims 4 GB', new Uint8Array([0xdb, 0xff, 0xff, 0xff, 0xff, 65])],
    ['a map with half an entry', new Uint8Array([0x81, 0xa1, 65])],
    ['a map whose key is no string', new Uint8Array([0x81, 0x01, 0x01])],
    ['bytes where the value is plain', new Uint8Array([0xc4, 1, 7])],
    ['200,000 open arrays', new Uint8Array(200_000).fill(0x91)],
    ['an unused token inside', new Uint8Array([0x91, 0xc1])],
  ])('%s', (_name, bytes) => {
    expect(codeOf(() => unpackData(bytes))).toBe('DECODE');
  });

  test('a foreign __proto__ pollutes nothing', () => {
    const bytes = new Uint8Array([0x81, 0xa9, ...Buffer.from('__proto__'), 0x81, 0xa1, 97, 1]);
    const back = unpackData<Record<string, unknown>>(bytes);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  test('random damage: a value or DECODE, nothing else', () => {
    const seed = 20_260_101;
    console.info(`seed ${seed}`);
    const random = seededRng(seed);
    const original = packData({
      list: [
        1,
        'two',
        3n,
        -0,
        new Date(5),
        /x/y,
        new Set([1]),
        new Map([['k', { deep: [new Float64Array(3)] }]]),
      ],
      error: new RangeError('r', { cause: [1] }),
      sparse: Object.assign([], { 5: 1 }),
      url: new URL('http://localhost/'),
    });
    for (let round = 0; round < 20_000; round++) {
      const bytes = original.slice(
        0,
        random() < 0.2 ? Math.floor(random() * original.length) : original.length,
      );
      for (let flips = 1 + Math.floor(random() * 3); flips > 0 && bytes.length > 0; flips--) {
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      }
      try {
        unpackData(bytes);
      } catch (error) {
        if (!isVolleyError(error, 'DECODE')) throw new Error(`round ${round}`, { cause: error });
      }
    }
  });
});
