import type { Physical, Values } from '../column/column.js';
import { allocateValues, bytesOfValues, viewValues } from '../column/layout.js';
import { giveNumbers, takeNumbers } from './scratch.js';

/** Bytes below which new memory is as cheap. */
const fewBytes = 16 * 1024;

/** Memory for the length of one computation or one task, of what this thread has used before. All 0. */
export class Lent {
  readonly #numbers: Float64Array[] = [];

  words(rows: number): Uint32Array {
    if (rows * 4 < fewBytes) return new Uint32Array(rows);
    const { buffer, byteOffset } = this.#take(rows * 4);
    return new Uint32Array(buffer, byteOffset, rows);
  }

  values(physical: Physical, rows: number): Values {
    const bytes = bytesOfValues(physical, rows);
    if (bytes < fewBytes) return allocateValues(physical, rows);
    const { buffer, byteOffset } = this.#take(bytes);
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

  #take(bytes: number): Float64Array {
    const numbers = takeNumbers(Math.ceil(bytes / 8));
    this.#numbers.push(numbers);
    return numbers;
  }
}
