import { expect, test } from 'vitest';
import { allocateNodeMemory, pageBytes } from '../../core/base/kernel-memory.js';
import { limits } from '../../core/base/limits.js';
import { seededRng } from '../../core/base/rng.js';
import { Arena } from './arena.js';
import { type Slab, SlabAllocator, slabBytes } from './slabs.js';

const MiB = 1024 * 1024;

test('extents merge with both neighbours', () => {
  const arena = new Arena(1, 640);
  const a = arena.take(64);
  const b = arena.take(128);
  const c = arena.take(64);
  arena.give(a, 64);
  arena.give(c, 64);
  expect(arena.extents()).toEqual([
    [0, 64],
    [192, 448],
  ]);
  arena.give(b, 128);
  expect(arena.extents()).toEqual([[0, 640]]);
  expect(arena.empty).toBe(true);
  expect(() => arena.give(a, 64)).toThrow(/given back once/);
});

test('a slab larger than an arena gets its own; empty arenas make way for it', () => {
  const dropped: number[] = [];
  const slabs = new SlabAllocator(3 * limits.arenaBytes, id => dropped.push(id));
  const small = [1, 2, 3].map(() => slabs.allocate(limits.arenaBytes)!);
  expect(slabs.allocate(1)).toBeNull();
  for (const slab of small) slabs.free(slab);
  const large = slabs.allocate(2.5 * limits.arenaBytes)!;
  expect(large.byteLength).toBe(2.5 * limits.arenaBytes);
  expect(dropped).toHaveLength(3);
  expect(slabs.arenaBytes).toBeLessThanOrEqual(3 * limits.arenaBytes);
});

test('arenas lie in the memory of kernels as long as there is room, which comes back', () => {
  const node = allocateNodeMemory(2 * limits.arenaBytes, 2, 0)!;
  const slabs = new SlabAllocator(3 * limits.arenaBytes, () => {}, node);
  const isThere = (slab: Slab) => slab.arena.buffer === node.memory.buffer;
  const three = [1, 2, 3].map(() => slabs.allocate(limits.arenaBytes)!);
  expect(three.map(isThere)).toEqual([true, true, false]);
  expect(three.map(slab => slab.offset)).toEqual([0, limits.arenaBytes, 0]);
  expect(three.map(slab => slabs.isOfNode(slab.arena))).toEqual([true, true, false]);
  const beyond = slabs.allocateBeyond(limits.arenaBytes);
  expect(isThere(beyond)).toBe(false);
  slabs.free(three[0]!);
  slabs.free(beyond);
  const again = slabs.allocateBeyond(limits.arenaBytes);
  expect([isThere(again), again.offset]).toEqual([true, 0]);
  // What is the lanes', and the last page, is nobody's slab.
  expect(node.proofAt).toBe(2 * limits.arenaBytes + 2 * limits.workspaceBytes);
  expect(node.memory.buffer.byteLength).toBe(node.proofAt + pageBytes);
});

// Goal: what was given beyond the budget does not stay in the place of memory of kernels.
test('beside the budget goes what has no place in it, and is dropped when it is empty', () => {
  const dropped: number[] = [];
  const slabs = new SlabAllocator(4 * MiB, id => dropped.push(id));
  const whole = slabs.allocate(3 * MiB)!;
  const inside = slabs.allocateBeyond(MiB);
  expect(inside.arena).toBe(whole.arena);
  const beside = slabs.allocateBeyond(2 * MiB);
  slabs.free(whole);
  slabs.free(inside);
  expect(slabs.arena(whole.arena.id)).toBe(whole.arena);
  slabs.free(beside);
  expect(dropped).toEqual([beside.arena.id]);
  expect(slabs.arenaBytes).toBe(4 * MiB);
  expect(slabs.usedBytes).toBe(0);
});

// Goal: any history of allocations leaves the books exact and no two slabs overlap.
test('a slab that is cut gives back what lies behind, and is freed as what is left', () => {
  const slabs = new SlabAllocator(MiB);
  const slab = slabs.allocate(1000)!;
  slabBytes(slab).fill(3);
  expect(slabs.trim(slab, 990)).toBe(false);
  expect(slabs.trim(slab, 100)).toBe(true);
  expect([slab.byteLength, slabs.usedBytes]).toEqual([100, 128]);
  expect(slabBytes(slab)).toEqual(new Uint8Array(100).fill(3));
  const next = slabs.allocate(MiB - 128)!;
  slabs.free(slab);
  slabs.free(next);
  expect(slabs.usedBytes).toBe(0);
});

test('random allocation against a naive model', () => {
  const seed = (Math.random() * 2 ** 32) >>> 0;
  console.log('seed', seed);
  const random = seededRng(seed);
  const slabs = new SlabAllocator(8 * MiB);
  const live: { slab: Slab; mark: number }[] = [];
  let used = 0;
  for (let step = 0; step < 5000; step++) {
    if (random() < 0.55) {
      const bytes = Math.floor(random() ** 4 * 2 * MiB);
      const slab = slabs.allocate(bytes);
      const size = Math.max(64, Math.ceil(bytes / 64) * 64);
      if (slab === null) {
        expect(used + size > 8 * MiB || largestGap(live, slabs) < size).toBe(true);
        continue;
      }
      expect(slab.offset % 64).toBe(0);
      used += size;
      const mark = 1 + (step % 255);
      slabBytes(slab).fill(mark);
      live.push({ slab, mark });
    } else if (live.length > 0) {
      const [gone] = live.splice(Math.floor(random() * live.length), 1);
      const bytes = slabBytes(gone!.slab);
      if (bytes.length > 0) expect([bytes[0], bytes.at(-1)]).toEqual([gone!.mark, gone!.mark]);
      used -= Math.max(64, Math.ceil(bytes.length / 64) * 64);
      slabs.free(gone!.slab);
    }
    expect(slabs.usedBytes).toBe(used);
  }
  for (const { slab, mark } of live) {
    expect(slabBytes(slab).every(byte => byte === mark)).toBe(true);
    slabs.free(slab);
  }
  expect(slabs.usedBytes).toBe(0);
});

/** The longest free run, found by sorting the live slabs: one arena, as the budget is below an arena's size. */
function largestGap(live: readonly { slab: Slab }[], slabs: SlabAllocator): number {
  const sorted = live.map(({ slab }) => slab).sort((a, b) => a.offset - b.offset);
  let end = 0;
  let largest = 0;
  for (const slab of sorted) {
    largest = Math.max(largest, slab.offset - end);
    end = slab.offset + Math.max(64, Math.ceil(slab.byteLength / 64) * 64);
  }
  return Math.max(largest, slabs.arenaBytes - end);
}
