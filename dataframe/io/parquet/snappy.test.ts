import { expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { Lent } from '../../kernels/lent.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import { countInstances } from '../../testing/wasm-instances.js';
import { newSeed } from '../testing/oracle.js';
import { unpackSnappy } from './snappy.js';

const room = (bytes: number) => new Uint8Array(bytes);

/** The format as it is described, byte by byte; null: the data is damaged. */
function reference(input: readonly number[], size: number): number[] | null {
  const out: number[] = [];
  let p = input.findIndex(byte => byte < 0x80) + 1;
  const number = (bytes: number) => {
    let value = 0;
    for (let i = 0; i < bytes; i++) value += (input[p++] ?? Number.NaN) * 256 ** i;
    return value;
  };
  while (p < input.length) {
    const tag = input[p++]!;
    const kind = tag & 3;
    let length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    if (kind === 0) {
      if (length > 60) length = number(length - 60) + 1;
      if (!(p + length <= input.length)) return null;
      out.push(...input.slice(p, p + length));
      p += length;
    } else {
      const back = kind === 1 ? (tag >> 5) * 256 + number(1) : number(kind === 2 ? 2 : 4);
      if (!(back > 0 && back <= out.length)) return null;
      for (let i = 0; i < length; i++) out.push(out[out.length - back]!);
    }
    if (out.length > size) return null;
  }
  return out.length === size ? out : null;
}

/** Elements of every form; most of what they stand for is copies. */
function elements(count: number, random: () => number): { packed: number[]; size: number } {
  const below = (n: number) => Math.floor(random() * n);
  const body: number[] = [];
  let size = 0;
  for (let i = 0; i < count; i++) {
    const kind = size === 0 ? 0 : below(4);
    const back = 1 + below(random() < 0.5 ? Math.min(size, 24) : size);
    if (kind === 0) {
      const length = 1 + below(random() < 0.1 ? 700 : 20);
      if (length <= 60) body.push((length - 1) << 2);
      else if (length <= 256) body.push(60 << 2, length - 1);
      else body.push(61 << 2, (length - 1) & 255, (length - 1) >> 8);
      for (let k = 0; k < length; k++) body.push(below(256));
      size += length;
    } else if (kind === 1 && back < 2048) {
      const length = 4 + below(8);
      body.push(1 | ((length - 4) << 2) | ((back >> 8) << 5), back & 255);
      size += length;
    } else {
      const length = 1 + below(64);
      const wide = kind === 3 || back > 65_535;
      body.push((wide ? 3 : 2) | ((length - 1) << 2), back & 255, (back >> 8) & 255);
      if (wide) body.push((back >> 16) & 255, 0);
      size += length;
    }
  }
  const header: number[] = [];
  let rest = size;
  for (; rest > 127; rest >>= 7) header.push((rest & 127) | 128);
  return { packed: [...header, rest, ...body], size };
}

// Goal: the function in WebAssembly moves 16 bytes at a time and reads ahead; none of that may show.
test('elements of every form, whole and damaged, are what the format says', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let damaged = 0;
  for (let round = 0; round < 300; round++) {
    const { packed, size } = elements(1 + Math.floor(random() * 60), random);
    const whole = unpackSnappy(Uint8Array.from(packed), size, room);
    expect([...whole], `seed ${seed}, round ${round}`).toEqual(reference(packed, size));
    for (let k = 0; k < 20; k++) {
      const bad = packed.slice(0, random() < 0.2 ? Math.ceil(random() * packed.length) : packed.length);
      const at = Math.floor(random() * bad.length);
      bad[at]! ^= 1 << Math.floor(random() * 8);
      let out: number[] | null = null;
      try {
        out = [...unpackSnappy(Uint8Array.from(bad), size, room)];
      } catch (error) {
        expect(error, `seed ${seed}, round ${round}`).toBeInstanceOf(RangeError);
        damaged++;
      }
      // The size in front may be written in more bytes than it needs, but must be the one that is asked for.
      if (out !== null) expect(out, `seed ${seed}, round ${round}`).toEqual(reference(bad, size));
      else if (at > 3) expect(reference(bad, size), `seed ${seed}, round ${round}`).toBeNull();
    }
  }
  expect(damaged).toBeGreaterThan(1000);
});

// Goal: in place it is the same, and of its first bytes no more has to be right.
test('elements of every form, in the memory of kernels, and only the first of them', () => {
  workInKernelMemory(4 * 1024 * 1024);
  const seed = newSeed();
  const random = seededRng(seed);
  const lent = new Lent();
  const roomy = (bytes: number) => lent.bytes(Math.max(bytes, 32_768)).subarray(0, bytes);
  const instances = countInstances();
  for (let round = 0; round < 300; round++) {
    const { packed, size } = elements(1 + Math.floor(random() * 60), random);
    const input = roomy(packed.length).subarray(0, packed.length);
    input.set(packed);
    const enough = random() < 0.5 ? size : Math.floor(random() * size);
    const expected = reference(packed, size)!;
    const out = [...unpackSnappy(input, size, roomy, enough)];
    expect(out, `seed ${seed}, round ${round}`).toEqual(expected.slice(0, out.length));
    expect([size, enough]).toContain(out.length);
    // Behind the size.
    input[3 + Math.floor(random() * (input.length - 3))]! ^= 1 << Math.floor(random() * 8);
    const bad = reference([...input], size);
    const unpack = () => [...unpackSnappy(input, size, roomy)];
    if (bad === null) expect(unpack, `seed ${seed}, round ${round}`).toThrow(RangeError);
    else expect(unpack(), `seed ${seed}, round ${round}`).toEqual(bad);
    lent.giveBack();
  }
  expect(instances.made).toBeGreaterThan(0);
  instances.stop();
});

test('lengths and distances beyond 32 bits of memory are damage', () => {
  for (const body of [
    [63 << 2, 255, 255, 255, 255, 1],
    [62 << 2, 255, 255, 255, 1],
    [0, 65, (63 << 2) | 3, 255, 255, 255, 255],
    [0, 65, 3, 0, 0, 0, 128],
    [0, 65, (15 << 2) | 1],
    [63 << 2],
  ])
    expect(() => unpackSnappy(Uint8Array.from([100, ...body]), 100, room), String(body)).toThrow(RangeError);
});
