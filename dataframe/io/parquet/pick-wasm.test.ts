import { expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { allocateValues } from '../../column/layout.js';
import { Lent } from '../../kernels/lent.js';
import { workInKernelMemory } from '../../testing/kernel-memory.js';
import { runs } from '../testing/hybrid-runs.js';
import { newSeed } from '../testing/oracle.js';
import { pickHybrid } from './hybrid.js';
import { pickInWasm } from './pick-wasm.js';

workInKernelMemory(16 * 1024 * 1024);

// Goal: rows picked by WebAssembly are those that JavaScript picks, of whole pages, cut ones and with codes beyond the table.
test('rows are picked from runs of every width', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let compared = 0;
  for (let round = 0; round < 400; round++) {
    const width = 1 + (round % 16);
    const rows = 300 + Math.floor(random() * 3000);
    const first = Math.floor(random() * 1000);
    const entries = 1 + Math.floor(random() * 2 ** width);
    const physical = (['f64', 'i32', 'code', 'u8', 'i16'] as const)[round % 5]!;
    const table = allocateValues(physical, 2 ** width);
    for (let k = 0; k < entries; k++) table[k] = Math.floor(random() * 100);
    const packed = runs(random, width, rows, random() < 0.8 ? entries : 2 ** width);
    const whole = random() < 0.7 ? packed.length : Math.floor(packed.length * random());
    const share = random();
    const asked = Int32Array.from({ length: rows }, (_, k) => first + k).filter(() => random() < share);
    const lent = new Lent();
    const bytes = lent.bytes(65_536).subarray(3, 3 + whole);
    bytes.set(packed.subarray(0, whole));
    const picked = lent.ints(8192).subarray(0, asked.length);
    picked.set(asked);
    const out = lent.values(physical, 32_768);
    const expected = () => {
      const codes = new Int32Array(asked.length);
      pickHybrid(bytes, 0, whole, width, first, rows, asked, codes);
      return codes.some(code => code >= entries) ? false : Array.from(codes, code => table[code]);
    };
    const outcome = (work: () => unknown) => {
      try {
        return work();
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return 'too short';
      }
    };
    const found = outcome(() =>
      pickInWasm(bytes, 0, whole, width, first, rows, picked, table, entries, out, 7)
        ? [...out.subarray(7, 7 + asked.length)]
        : false,
    );
    const wanted = outcome(expected);
    lent.giveBack();
    if (Array.isArray(found)) compared++;
    if (asked.length < 32) expect(found, `seed ${seed}, round ${round}`).toBe(false);
    // A run of a code beyond the table is damage whether or not one of its rows is picked.
    else if (found !== false || wanted === false)
      expect(found, `seed ${seed}, round ${round}`).toEqual(wanted);
  }
  expect(compared).toBeGreaterThan(100);
});
