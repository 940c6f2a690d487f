import type { Physical, Values } from '../column/column.js';
import { allocateValues, bytesOfValues, viewValues } from '../column/layout.js';
import { fewBytes, giveNumbers, takeNumbers } from './scratch.js';

/** Memory for the length of one computation or one task, of what this thread has used before. All 0 unless told. */
export class Lent {
  readonly #numbers: Float64Array[] = [];

  words(rows: number): Uint32Array {
    if (rows * 4 < fewBytes) return new Uint32Array(rows);
    const { buffer, byteOffset } = this.#take(rows * 4);
    return new Uint32Array(buffer, byteOffset, rows);
  }

  ints(rows: number, zeroed = true): Int32Array {
    return this.values('i32', rows, zeroed) as Int32Array;
  }

  numbers(length: number, zeroed = true): Float64Array {
    return this.values('f64', length, zeroed) as Float64Array;
  }

  /** Holding anything. */
  bytes(length: number): Uint8Array {
    if (length < fewBytes) return new Uint8Array(length);
    const { buffer, byteOffset } = this.#take(length, false);
    return new Uint8Array(buffer, byteOffset, length);
  }

  values(physical: Physical, rows: number, zeroed = true): Values {
    const bytes = bytesOfValues(physical, rows);
    if (bytes < fewBytes) return allocateValues(physical, rows);
    const { buffer, byteOffset } = this.#take(bytes, zeroed);
    return viewValues(physical, buffer, byteOffset, rows);
  }

  /** Takes over what takeNumbers gave: it lasts as long as the rest. */
  adopt(numbers: Float64Array): void {
    if (numbers.length > 0) this.#numbers.push(numbers);
  }

  /** What was lent must not be looked at any more. */
  giveBack(): void {
    for (const numbers of this.#numbers) giveNumbers(numbers);
    this.#numbers.length = 0;
  }

  #take(bytes: number, zeroed = true): Float64Array {
    const numbers = takeNumbers(Math.ceil(bytes / 8), zeroed);
    this.#numbers.push(numbers);
    return numbers;
  }
}

/** Lends for the length of some work. */
export function lending<T>(work: (lent: Lent) => T): T {
  const lent = new Lent();
  try {
    return work(lent);
  } finally {
    lent.giveBack();
  }
}
