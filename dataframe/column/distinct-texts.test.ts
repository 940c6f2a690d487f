import { expect, test } from 'vitest';
import { kernelMemory } from '../../core/base/kernel-memory.js';
import { seededRng } from '../../core/base/rng.js';
import { Lent } from '../kernels/lent.js';
import { workInKernelMemory } from '../testing/kernel-memory.js';
import { testSeed } from '../testing/random-batch.js';
import type { Dictionary } from './column.js';
import { entryTexts } from './dictionary.js';
import { DistinctTexts, notedRows } from './distinct-texts.js';

const seed = testSeed();

type Random = () => number;

/** Texts around the length that words hold, with NULs, some of them often. */
function textsOf(random: Random, rows: number, different: number): Buffer[] {
  const longs = random() * 0.3;
  const pool = Array.from({ length: different }, (_, k) => {
    const kind = random();
    if (kind < 0.02) return Buffer.from(['', '\0', 'a\0', '\0\0\0\0b', 'é'][k % 5]!);
    if (kind < longs) return Buffer.from(`a text that is too long ${k}`);
    return Buffer.from(`${k}${'x'.repeat(random() * 8)}`.slice(0, 12));
  });
  return Array.from({ length: rows }, () => pool[Math.floor(random() ** 2 * different)]!);
}

function dictionaryOf(texts: readonly Buffer[]): Dictionary {
  const offsets = new Int32Array(texts.length + 1);
  texts.forEach((text, i) => {
    offsets[i + 1] = offsets[i]! + text.length;
  });
  return { length: texts.length, offsets, bytes: Buffer.concat(texts) };
}

/** As PLAIN pages hold them, in lent memory. */
function pageOf(texts: readonly Buffer[], lent: Lent): Uint8Array {
  const parts = texts.flatMap(text => {
    const length = Buffer.alloc(4);
    length.writeInt32LE(text.length);
    return [length, text];
  });
  const bytes = Buffer.concat(parts);
  const page = lent.bytes(Math.max(bytes.length, 32_768)).subarray(0, bytes.length);
  page.set(bytes);
  return page;
}

function byFirstAppearance(texts: readonly Buffer[]): number[] {
  const codes = new Map<string, number>();
  return texts.map(text => {
    const key = text.toString('latin1');
    if (!codes.has(key)) codes.set(key, codes.size);
    return codes.get(key)!;
  });
}

const shown = (texts: DistinctTexts) => entryTexts(texts.toDictionary());

// Goal: entries of dictionaries get codes in the order of their appearance, long ones too, by JavaScript and by WebAssembly.
test.each([false, true])('dictionaries are numbered in order, in memory of its own: %s', own => {
  if (own) workInKernelMemory(32 * 1024 * 1024);
  expect(kernelMemory() !== null).toBe(own);
  const random = seededRng(seed);
  for (let round = 0; round < 12; round++) {
    const rows = Math.floor(random() * 4 * notedRows);
    const texts = textsOf(random, rows, 1 + Math.floor(random() * 20_000));
    const table = new DistinctTexts();
    const half = Math.floor(rows / 2);
    const codes = [
      ...table.internAll(dictionaryOf(texts.slice(0, half))),
      ...table.internAll(dictionaryOf(texts.slice(half))),
    ];
    expect(codes, `seed ${seed}, round ${round}`).toEqual(byFirstAppearance(texts));
    const entries = shown(table);
    const at = texts.findIndex((text, i) => entries[codes[i]!] !== text.toString());
    expect(at, `seed ${seed}, round ${round}`).toBe(-1);
    table.close();
  }
});

// Goal: equal texts of pages have equal codes, which are those that noting row by row gives.
test('pages are numbered by WebAssembly as row by row', () => {
  workInKernelMemory(32 * 1024 * 1024);
  const random = seededRng(seed);
  for (let round = 0; round < 12; round++) {
    const rows = 600 + Math.floor(random() * 3 * notedRows);
    const texts = textsOf(random, rows, 1 + Math.floor(random() * 20_000));
    const lent = new Lent();
    const page = pageOf(texts, lent);
    const codes = new Int32Array(rows);
    const byRow = new Int32Array(rows);
    const [table, slow] = [new DistinctTexts(), new DistinctTexts()];
    let p = 0;
    let q = 0;
    for (let row = 0; row < rows; ) {
      const end = Math.min(rows, row + notedRows);
      const next = table.takePlain(page, p, codes, row, end);
      if (next < 0) expect(end - row, 'only few rows are left to others').toBeLessThan(600);
      slow.startAt(row);
      for (let i = row; i < end; i++) {
        slow.note(page, q + 4, q + 4 + texts[i]!.length, i);
        q += 4 + texts[i]!.length;
      }
      slow.resolve(byRow, end);
      if (next < 0) {
        table.startAt(row);
        for (let i = row, from = p; i < end; i++) {
          table.note(page, from + 4, from + 4 + texts[i]!.length, i);
          from += 4 + texts[i]!.length;
        }
        table.resolve(codes, end);
      }
      p = next < 0 ? q : next;
      expect(p).toBe(q);
      row = end;
    }
    expect([...codes], `seed ${seed}, round ${round}`).toEqual([...byRow]);
    expect(shown(table)).toEqual(shown(slow));
    table.close();
    lent.giveBack();
  }
});

test('a page that ends within a text is an error', () => {
  workInKernelMemory(32 * 1024 * 1024);
  const lent = new Lent();
  const texts = Array.from({ length: 1000 }, (_, i) => Buffer.from(`text ${i}`));
  const page = pageOf(texts, lent);
  const cut = page.subarray(0, page.length - 3);
  expect(() => new DistinctTexts().takePlain(cut, 0, new Int32Array(1000), 0, 1000)).toThrow(RangeError);
  lent.giveBack();
});

// Goal: where a thread's memory is full, JavaScript goes on with what WebAssembly began.
test('a table that outgrows the memory of kernels stays right', () => {
  workInKernelMemory(1024 * 1024);
  const texts = Array.from({ length: 60_000 }, (_, i) => Buffer.from(`${i % 40_000}`));
  const table = new DistinctTexts();
  expect([...table.internAll(dictionaryOf(texts))]).toEqual(byFirstAppearance(texts));
  expect(shown(table)).toEqual(texts.slice(0, 40_000).map(String));
});
