import { compileRows, compileText } from '../codegen/wasm/kernel.js';
import type { Column, ValueRange } from '../column/column.js';
import { narrowest } from '../column/narrow.js';
import { grownLent } from './accumulator.js';
import type { Lent } from './lent.js';
import { fill } from './scratch.js';

const WORDS = 3;
/** Sums of the unpacked form: count, a, b, a², b², ab. */
const SUMS = 6;
/** Rows that packed sums should at least hold before they are unpacked. */
const leastRows = 2 ** 17;
const mostRows = 2 ** 22;

type AddRows = (
  first: unknown,
  second: unknown,
  group: Int32Array,
  mask: Uint8Array | null,
  s: Float64Array,
  scaleA: number,
  scaleAA: number,
  scaleCount: number,
  from: number,
  rows: number,
) => void;

/**
 * Six sums of two columns of small integers in three numbers per group: each number is an integer below 2^53 whose
 * upper digits are one sum and whose lower digits are another. Halves the memory that a row touches.
 */
export class PackedSums {
  readonly #lent: Lent;
  #words: Float64Array = new Float64Array(0);
  #groups = 0;
  /** Rows the sums have room for, and how many they hold. */
  #room = 0;
  #rows = 0;
  #mostA = -1;
  #mostB = -1;
  /** b² + a · scaleA, ab + a² · scaleAA, b + count · scaleCount. */
  #scaleA = 0;
  #scaleAA = 0;
  #scaleCount = 0;

  constructor(lent: Lent) {
    this.#lent = lent;
  }

  resize(groups: number): void {
    this.#groups = groups;
    if (this.#room > 0) this.#words = grownLent(this.#words, groups * WORDS, this.#lent);
  }

  /** True when so many rows of these ranges can be added. What is held goes to `sums` first if it must. */
  fits(a: ValueRange, b: ValueRange, rows: number, sums: Float64Array): boolean {
    if (a.min < 0 || b.min < 0) return false;
    if (a.max > this.#mostA || b.max > this.#mostB) {
      this.unpack(sums);
      this.#layOut(Math.max(a.max, this.#mostA, 1), Math.max(b.max, this.#mostB, 1));
    }
    if (rows > this.#room) return false;
    if (this.#rows + rows > this.#room) this.unpack(sums);
    return true;
  }

  add(a: Column, b: Column, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    const small = this.#mostA < smallFactor && this.#mostB < smallFactor;
    const times = (x: string, y: string) => (small ? `Math.imul(${x},${y})` : `${x}*${y}`);
    // What does not count is made 0: a branch would be taken at random.
    const read =
      mask === null
        ? 'const x=first[i],y=second[i];'
        : `const m=mask[i],x=${times('first[i]', 'm')},y=${times('second[i]', 'm')};`;
    const count = mask === null ? 'scaleCount' : 'm*scaleCount';
    const [first, second] = [narrowest(a), narrowest(b)];
    const body = `/* packed ${first.physical} ${second.physical} */for(let i=from;i<rows;i++){const k=Math.imul(group[i],${WORDS});${read}
s[k]+=${times('y', 'y')}+x*scaleA;s[k+1]+=${times('x', 'y')}+${times('x', 'x')}*scaleAA;s[k+2]+=y+${count};}`;
    const loop = compileRows<AddRows>(body, parameters, () => body, rows);
    const scales = [this.#scaleA, this.#scaleAA, this.#scaleCount] as const;
    loop(first.values, second.values, group, mask, this.#words, ...scales, 0, rows);
    this.#rows += rows;
  }

  /** Moves what is held to `sums`. */
  unpack(sums: Float64Array): void {
    if (this.#rows === 0) return;
    this.#rows = 0;
    const words = this.#words;
    const groups = this.#groups;
    compileText<Unpack>(
      ['words', 'sums', 'scaleA', 'scaleAA', 'scaleCount', 'from', 'rows'],
      unpackText,
      groups,
    )(words, sums, this.#scaleA, this.#scaleAA, this.#scaleCount, 0, groups);
    fill(words.subarray(0, groups * WORDS), 0);
  }

  #layOut(mostA: number, mostB: number): void {
    this.#mostA = mostA;
    this.#mostB = mostB;
    for (let rows = mostRows; rows >= leastRows; rows /= 2) {
      const scaleA = powerAbove(rows * mostB * mostB);
      const scaleAA = powerAbove(rows * mostA * mostB);
      const scaleCount = powerAbove(rows * mostB);
      const most = Math.max(
        (rows * mostA + 1) * scaleA,
        (rows * mostA * mostA + 1) * scaleAA,
        (rows + 1) * scaleCount,
      );
      if (most > 2 ** 53) continue;
      this.#scaleA = scaleA;
      this.#scaleAA = scaleAA;
      this.#scaleCount = scaleCount;
      this.#room = rows;
      this.#words = grownLent(this.#words, this.#groups * WORDS, this.#lent);
      return;
    }
    this.#room = 0;
  }
}

type Unpack = (
  words: Float64Array,
  sums: Float64Array,
  scaleA: number,
  scaleAA: number,
  scaleCount: number,
  from: number,
  rows: number,
) => void;

const unpackText = `for(let i=from;i<rows;i++){const w=Math.imul(i,${WORDS}),k=Math.imul(i,${SUMS}),p=words[w],q=words[w+1],r=words[w+2];
const a=Math.floor(p/scaleA),aa=Math.floor(q/scaleAA),n=Math.floor(r/scaleCount);
sums[k]+=n;sums[k+1]+=a;sums[k+2]+=r-n*scaleCount;sums[k+3]+=aa;sums[k+4]+=p-a*scaleA;sums[k+5]+=q-aa*scaleAA;}`;

const parameters = [
  'first',
  'second',
  'group',
  'mask',
  's',
  'scaleA',
  'scaleAA',
  'scaleCount',
  'from',
  'rows',
];
/** Products of two integers below it are 32-bit integers. */
const smallFactor = 46_340;

/** The least power of two above `value`. */
function powerAbove(value: number): number {
  let power = 1;
  while (power <= value) power *= 2;
  return power;
}
