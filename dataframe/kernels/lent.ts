import { giveNumbers, takeNumbers } from './scratch.js';

/** Rows below which new memory is as cheap. */
const fewRows = 4096;

/** Words for the length of one computation, out of memory this thread has used before. */
export class Lent {
  readonly #numbers: Float64Array[] = [];

  /** All 0. */
  words(rows: number): Uint32Array {
    if (rows < fewRows) return new Uint32Array(rows);
    const numbers = takeNumbers((rows + 1) >>> 1);
    this.#numbers.push(numbers);
    return new Uint32Array(numbers.buffer, numbers.byteOffset, rows);
  }

  /** What was lent must not be looked at any more. */
  giveBack(): void {
    for (const numbers of this.#numbers) giveNumbers(numbers);
    this.#numbers.length = 0;
  }
}
