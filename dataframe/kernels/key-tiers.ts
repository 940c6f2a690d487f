import { elementOf } from '../codegen/wasm/elements.js';
import { compileText } from '../codegen/wasm/kernel.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { narrowest } from '../column/narrow.js';
import type { CellTerm } from './cells-wasm.js';
import { type CellNumbers, DigitTier } from './digit-tier.js';
import type { Witness } from './fused-layout.js';
import type { Binder } from './fused-text.js';
import type { Cells } from './fused-words.js';
import { GroupTable } from './group.js';
import type { KeyDomain } from './key-domain.js';
import type { Lent } from './lent.js';
import { plainElements } from './row-elements.js';
import { fill } from './scratch.js';

/** How groups are found. Tests may force one; the answer is the same. */
export type TierKind = 'dense' | 'packed' | 'table';

/** Cells a batch may use however few rows it has, and at most; in between, so many per row. */
const freeCells = 4096;
const mostCells = 4 * 1024 * 1024;
const cellsPerRow = 2;
/** Groups up to which order of first appearance is kept in a dense tier too: above, reading its cells in order is faster. */
export const fewGroups = 4096;

/** Places that need not be noted. */
export interface KnownGroups {
  /** Groups after which there are no others. */
  readonly groups: number;
  /** Declares `g`, the place of row i's group. */
  readonly text: (binder: Binder) => string;
  /** The same for kernels that are no text; null: they cannot. */
  readonly cells: () => Cells | null;
}

/** Finds the groups of rows. Groups are numbered in order of first appearance until the tier is settled. */
export interface KeyTier {
  readonly kind: TierKind;
  /** [number of groups]: generated code counts here. */
  readonly state: Int32Array;
  /** Groups that generated code may add before it must stop and ask for `grow`. */
  readonly capacity: number;
  /** Places of the state: `g` of generated code is below it. */
  readonly places: number;
  /** Gets ready for a batch; false when this tier cannot take it (as it is). */
  admit(keys: readonly Column[], rows: number): boolean;
  /**
   * Text that declares `g`, the place of row i's group. When there is no room it returns i. `birth`, of a tier that has
   * `births`: text that gives the state of group `g` its first values.
   */
  text(binder: Binder, birth?: string): string;
  /** Generated code begins the state of a group when it numbers it: places without a group hold anything. */
  readonly births?: true;
  grow(): void;
  /** Groups after which there are no others, and the text then; null: there may always be others. */
  readonly known?: KnownGroups | null;
  /** For a tier whose places the state itself shows to be in use: finds its groups, in the order of their places. */
  discover?(numbers: Float64Array | Int32Array, width: number, witness: Witness): void;
  /** The same for those that have no group yet, which come behind the others. */
  complete?(numbers: Float64Array | Int32Array, width: number, witness: Witness): void;
  /** No more rows: the tier may put its groups into the order that is cheapest to read. */
  settle?(): void;
  /** Place of each group; null: group k is at place k. */
  order(): Int32Array | null;
  keyColumns(): Column[];
}

/** Every combination of digits has a cell. Direct: the cell is the place; otherwise groups are numbered. */
export class DenseTier extends DigitTier implements KeyTier {
  readonly kind = 'dense';
  capacity = 0;
  readonly #direct: boolean;
  readonly #slots: number;
  readonly #lent: Lent;
  #cells = 0;
  /** Cells that keys which are not null can have; as soon as there are nulls, all. */
  #reachable = 0;
  /** Of the batch: it adds no more groups than that. */
  #rows = 0;
  /** Direct: 1 for cells in use. Otherwise the group of each cell, or -1. */
  #used: Uint8Array | Int32Array = new Uint8Array(0);
  /** Of each row of the batch, where they were found beforehand. */
  #cellOfRow: CellNumbers | null = null;
  /** Cell of each group. */
  #cellOf: Int32Array = new Int32Array(0);
  /** So many groups, the first ones, lie in the order of their cells. */
  #ascending = 0;
  /** Once it is settled: there is a group in each cell up to the last one that has one. */
  #whole = false;

  /** `slots`: numbers that the state holds per cell; 0: groups are numbered, so that cells cost little. */
  constructor(
    types: readonly DataType[],
    known: readonly Column[] | null,
    slots: number,
    lent: Lent,
    shared?: readonly KeyDomain[] | null,
  ) {
    super(types, known, shared);
    this.#lent = lent;
    this.#direct = slots > 0;
    this.#slots = slots;
  }

  get places(): number {
    return this.#direct ? this.#cells : Math.min(this.#cells, this.state[0]! + this.#rows);
  }

  admit(keys: readonly Column[], rows: number): boolean {
    const same = this.admitKeys(keys);
    this.#rows = rows;
    if (same === null) return false;
    if (keys.some(key => key.validity !== null)) this.#reachable = this.#cells;
    if (this.#cells > 0) {
      if (same) this.#cellOfRow = this.combined(this.#strides(), this.#cells, this.#lent);
      return same;
    }
    let cells = 1;
    for (const { size } of this.domains) cells *= size + 1;
    const most = Math.max(freeCells, Math.min(mostCells / Math.max(1, this.#slots), cellsPerRow * rows));
    if (cells > most) return false;
    this.keepSpans();
    this.#cells = cells;
    this.#reachable = keys.some(key => key.validity !== null)
      ? cells
      : this.domains.reduce((product, { size }) => product * size, 1);
    this.capacity = cells;
    this.#used = this.#direct ? this.#lent.bytes(cells) : this.#lent.ints(cells, false);
    fill(this.#used, this.#direct ? 0 : 255);
    this.#cellOf = this.#lent.ints(cells, false);
    this.#cellOfRow = this.combined(this.#strides(), this.#cells, this.#lent);
    return true;
  }

  get known() {
    if (!this.#direct) return null;
    const text = (binder: Binder) => `const g=${this.#cellText(binder)};`;
    return { groups: this.#reachable, text, cells: () => this.#cellTerms() };
  }

  #cellTerms(): Cells | null {
    if (this.#cellOfRow !== null)
      return { terms: [{ elements: plainElements(this.#cellOfRow), stride: 1 }], first: 0 };
    const terms: CellTerm[] = [];
    let first = 0;
    for (const [k, stride] of this.#strides().entries()) {
      const looked = this.lookedUpDigits(k);
      if (looked === null && (this.digits[k]!.map !== null || this.keys[k]!.validity !== null)) return null;
      terms.push({ elements: looked ?? plainElements(narrowest(this.keys[k]!).values), stride });
      if (looked === null) first += this.domains[k]!.base * stride;
    }
    return { terms, first };
  }

  /** What a step of each key's digit is in cells. */
  #strides(): number[] {
    let next = 1;
    return this.domains.map(({ size }) => {
      const stride = next;
      next *= size + 1;
      return stride;
    });
  }

  #cellText(binder: Binder): string {
    const cells = this.#cellOfRow;
    if (cells !== null) return `${binder.bind(cells, elementOf(cells))}[i]`;
    const strides = this.#strides();
    const terms = this.digitTexts(binder).map((digit, k) =>
      k === 0 ? digit : `Math.imul(${digit},${binder.bind(strides[k])})`,
    );
    return terms.length === 1 ? terms[0]! : `(${terms.join('+')}|0)`;
  }

  text(binder: Binder): string {
    const cell = this.#cellText(binder);
    const used = binder.bind(this.#used);
    const cellOf = binder.bind(this.#cellOf);
    if (this.#direct) return `const g=${cell};if(${used}[g]===0){${used}[g]=1;${cellOf}[n++]=g;}`;
    return `const c=${cell};let g=${used}[c];if(g<0){g=n++;${used}[c]=g;${cellOf}[g]=c;}`;
  }

  /** There are never more groups than cells. */
  grow(): void {}

  discover(numbers: Float64Array | Int32Array, width: number, { slot, unused }: Witness): void {
    this.state[0] = findCells(isTouched(unused), numbers, width, slot, this.#used, this.#cellOf, 0);
    this.#ascending = this.state[0];
  }

  complete(numbers: Float64Array | Int32Array, width: number, { slot, unused }: Witness): void {
    const test = `if(used[i]===0){${isTouched(unused)}`;
    const known = this.state[0]!;
    this.state[0] = findCells(test, numbers, width, slot, this.#used, this.#cellOf, known, '}');
  }

  settle(): void {
    const groups = this.state[0]!;
    if (!this.#direct || groups <= fewGroups) return;
    if (this.#ascending !== groups) findCells(isUsed, noNumbers, 0, 0, this.#used, this.#cellOf, 0);
    this.#whole = this.#cellOf[groups - 1] === groups - 1;
  }

  order(): Int32Array | null {
    return this.#direct && !this.#whole ? this.#cellOf.subarray(0, this.state[0]!) : null;
  }

  keyColumns(): Column[] {
    const rows = this.state[0]!;
    const last = this.domains.length - 1;
    let before = 1;
    return this.domains.map((domain, k) => {
      const span = this.spans![k]!;
      const stride = before;
      before *= span.size + 1;
      const digit = (binder: Binder) => {
        const cell = this.#whole ? 'i' : `${binder.bind(this.#cellOf)}[i]`;
        const rest = k === 0 ? cell : `(${cell}/${binder.bind(stride)}|0)`;
        return k === last ? rest : `(${rest}%${binder.bind(span.size + 1)}|0)`;
      };
      return domain.decode(digit, rows, span);
    });
  }
}

type Find = (
  numbers: Float64Array | Int32Array,
  width: number,
  slot: number,
  used: Uint8Array | Int32Array,
  cellOf: Int32Array,
  found: Int32Array,
  from: number,
  rows: number,
) => number;

/** Lists cells in use in `cellOf`, behind `known` others; gives the number of all. `test`, `end`: text around what is done for such a cell i. */
function findCells(
  test: string,
  numbers: Float64Array | Int32Array,
  width: number,
  slot: number,
  used: Uint8Array | Int32Array,
  cellOf: Int32Array,
  known: number,
  end = '',
): number {
  const found = Int32Array.of(known);
  const find = compileText<Find>(
    ['numbers', 'width', 'slot', 'used', 'cellOf', 'found', 'from', 'rows'],
    `let g=found[0];for(let i=from;i<rows;i++){${test}{used[i]=1;cellOf[g++]=i;}${end}}found[0]=g;return rows;`,
    used.length,
  );
  find(numbers, width, slot, used, cellOf, found, 0, used.length);
  return found[0]!;
}

const noNumbers = new Float64Array(0);
const isUsed = 'if(used[i]!==0)';

/** Of cells whose number of that slot no longer is what it began as. */
function isTouched(unused: number): string {
  const number = 'const x=numbers[Math.imul(i,width)+slot|0];';
  if (Number.isNaN(unused)) return `${number}if(x===x)`;
  return Object.is(unused, -0) ? `${number}if(x!==0||1/x>0)` : `${number}if(x!==${unused})`;
}

/** Keys of any type, numbered by a table of their words before the rows are aggregated. */
export class TableTier implements KeyTier {
  readonly kind = 'table';
  readonly state = new Int32Array(1);
  readonly #table: GroupTable;
  #groups: Int32Array = new Int32Array(0);

  constructor(types: readonly DataType[], known: readonly Column[] | null) {
    this.#table = new GroupTable(types);
    if (known !== null) this.#table.assign(known, known[0]!.length);
  }

  get capacity(): number {
    return this.#table.count;
  }

  get places(): number {
    return this.#table.count;
  }

  admit(keys: readonly Column[]): boolean {
    this.#groups = this.#table.assign(keys, keys[0]!.length);
    this.state[0] = this.#table.count;
    return true;
  }

  text(binder: Binder): string {
    return `const g=${binder.bind(this.#groups)}[i];`;
  }

  grow(): void {}

  order(): null {
    return null;
  }

  keyColumns(): Column[] {
    return this.#table.keyColumns();
  }
}
