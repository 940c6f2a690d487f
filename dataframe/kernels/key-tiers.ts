import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import type { Witness } from './fused-layout.js';
import type { Binder } from './fused-text.js';
import { GroupTable } from './group.js';
import { type Digits, KeyDomain, type Span } from './key-domain.js';

/** How groups are found. Tests may force one; the answer is the same. */
export type TierKind = 'dense' | 'packed' | 'table';

/** Cells a batch may use however few rows it has, and at most; in between, so many per row. */
const freeCells = 4096;
const mostCells = 4 * 1024 * 1024;
const cellsPerRow = 2;
const firstCapacity = 1024;
/** Groups up to which order of first appearance is kept in a dense tier too: above, reading its cells in order is faster. */
export const fewGroups = 4096;

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
  /** Text that declares `g`, the place of row i's group. When there is no room it returns i. */
  text(binder: Binder): string;
  grow(): void;
  /** Groups after which there are no others, and the text then; null: there may always be others. */
  readonly known?: { readonly groups: number; text(binder: Binder): string } | null;
  /** For a tier whose places the state itself shows to be in use: finds its groups, in the order of their places. */
  discover?(numbers: Float64Array, width: number, witness: Witness): void;
  /** No more rows: the tier may put its groups into the order that is cheapest to read. */
  settle?(): void;
  /** Place of each group; null: group k is at place k. */
  order(): Int32Array | null;
  keyColumns(): Column[];
}

/** Text of the digit of row i in one key column. */
function digitText(column: Column, digits: Digits, domain: KeyDomain, binder: Binder): string {
  const values = binder.bind(column.values, column.physical);
  let text = `${values}[i]`;
  if (digits.map !== null) text = `${binder.bind(digits.map)}[${text}]`;
  else if (domain.base !== 0) text = `(${text}-${binder.bind(domain.base)}|0)`;
  else if (column.physical === 'f64') text = `(${text}|0)`;
  if (column.validity === null) return text;
  const bits = binder.bind(column.validity);
  return `(((${bits}[i>>3]>>(i&7))&1)===0?${binder.bind(domain.size)}:${text})`;
}

abstract class DigitTier {
  readonly state = new Int32Array(1);
  protected readonly domains: readonly KeyDomain[];
  protected keys: readonly Column[] = [];
  protected digits: readonly Digits[] = [];
  /** Of the domains, since this tier took its first batch. */
  protected spans: readonly Span[] | null = null;
  #versions: readonly number[] = [];
  readonly #fits: boolean;
  /** There are groups to put in first. */
  protected readonly filled: boolean;

  /** `known`: keys of groups that will be put in first. */
  constructor(types: readonly DataType[], known: readonly Column[] | null) {
    this.domains = types.map(type => new KeyDomain(type));
    this.filled = known !== null;
    this.#fits = known === null || this.domains.every((domain, k) => domain.admit(known[k]!) !== null);
  }

  /** Whether all digits of earlier batches still hold; null when some key has no digits. */
  protected admitKeys(keys: readonly Column[]): boolean | null {
    if (!this.#fits) return null;
    const digits: Digits[] = [];
    for (let k = 0; k < keys.length; k++) {
      const given = this.domains[k]!.admit(keys[k]!);
      if (given === null) return null;
      digits.push(given);
    }
    this.keys = keys;
    this.digits = digits;
    const versions = this.domains.map(domain => domain.version);
    const same = versions.every((version, k) => version === this.#versions[k]);
    this.#versions = versions;
    return same;
  }

  protected keepSpans(): void {
    this.spans = this.domains.map(({ base, size }) => ({ base, size }));
  }

  protected digitTexts(binder: Binder): string[] {
    return this.keys.map((key, k) => digitText(key, this.digits[k]!, this.domains[k]!, binder));
  }
}

/** Every combination of digits has a cell. Direct: the cell is the place; otherwise groups are numbered. */
export class DenseTier extends DigitTier implements KeyTier {
  readonly kind = 'dense';
  capacity = 0;
  readonly #direct: boolean;
  readonly #slots: number;
  #cells = 0;
  /** Cells that keys which are not null can have; as soon as there are nulls, all. */
  #reachable = 0;
  /** Of the batch: it adds no more groups than that. */
  #rows = 0;
  /** Direct: 1 for cells in use. Otherwise the group of each cell, or -1. */
  #used: Uint8Array | Int32Array = new Uint8Array(0);
  /** Cell of each group. */
  #cellOf = new Int32Array(0);

  /** `slots`: numbers that the state holds per cell; 0: groups are numbered, so that cells cost little. */
  constructor(types: readonly DataType[], known: readonly Column[] | null, slots: number) {
    super(types, known);
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
    if (same && this.#cells > 0) return true;
    if (this.#cells > 0) return false;
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
    this.#used = this.#direct ? new Uint8Array(cells) : new Int32Array(cells).fill(-1);
    this.#cellOf = new Int32Array(cells);
    return true;
  }

  get known() {
    if (!this.#direct) return null;
    const text = (binder: Binder) => `const g=${this.#cellText(binder)};`;
    return { groups: this.#reachable, text };
  }

  #cellText(binder: Binder): string {
    let stride = 1;
    const terms = this.digitTexts(binder).map((digit, k) => {
      const term = k === 0 ? digit : `Math.imul(${digit},${binder.bind(stride)})`;
      stride *= this.domains[k]!.size + 1;
      return term;
    });
    return terms.join('+');
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

  discover(numbers: Float64Array, width: number, { slot, unused }: Witness): void {
    const used = this.#used;
    const cellOf = this.#cellOf;
    const negative = Object.is(unused, -0);
    let g = 0;
    for (let c = 0, at = slot; c < used.length; c++, at += width) {
      const x = numbers[at]!;
      if (x === unused && (!negative || 1 / x < 0)) continue;
      used[c] = 1;
      cellOf[g++] = c;
    }
    this.state[0] = g;
  }

  settle(): void {
    const groups = this.state[0]!;
    if (!this.#direct || groups <= fewGroups) return;
    const used = this.#used;
    const cellOf = this.#cellOf;
    for (let c = 0, g = 0; c < used.length; c++) if (used[c] !== 0) cellOf[g++] = c;
  }

  order(): Int32Array | null {
    return this.#direct ? this.#cellOf.subarray(0, this.state[0]!) : null;
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
        const cell = `${binder.bind(this.#cellOf)}[i]`;
        const rest = k === 0 ? cell : `(${cell}/${binder.bind(stride)}|0)`;
        return k === last ? rest : `${rest}%${binder.bind(span.size + 1)}`;
      };
      return domain.decode(digit, rows, span);
    });
  }
}

export interface Field {
  readonly word: 0 | 1;
  readonly shift: number;
  readonly mask: number;
}

/** Digits packed into one or two 32-bit words, in an open-addressing table. */
export class PackedTier extends DigitTier implements KeyTier {
  readonly kind = 'packed';
  capacity: number;
  #fields: readonly Field[] | null = null;
  #words: 1 | 2 = 1;
  /** The only key is a 64-bit integer in two words: they are taken as they are. */
  #raw = false;
  /** Group of each slot, or -1; twice as many as groups fit. */
  #slots = new Int32Array(0);
  /** Words of each group, one group after another. */
  #packed = new Int32Array(0);

  /** `expected`: groups that there will be about; less is made up for as they come. */
  constructor(types: readonly DataType[], known: readonly Column[] | null, expected: number) {
    super(types, known);
    this.capacity = 2 ** Math.ceil(Math.log2(Math.max(firstCapacity, expected)));
  }

  get places(): number {
    return this.capacity;
  }

  admit(keys: readonly Column[], rows: number): boolean {
    const raw = keys.length === 1 && keys[0]!.physical === 'i64' && keys[0]!.validity === null;
    if (this.#fields !== null && raw !== this.#raw) return false;
    if (raw) {
      if (this.filled) return false;
      this.keys = keys;
      if (this.#fields !== null) return true;
      this.#raw = true;
      this.#words = 2;
      this.#fields = [];
    } else {
      const same = this.admitKeys(keys);
      if (same === null) return false;
      if (this.#fields !== null) return same;
      this.#fields = packFields(this.domains.map(domain => domain.size));
      if (this.#fields === null) return false;
      this.keepSpans();
      this.#words = this.#fields.some(field => field.word === 1) ? 2 : 1;
    }
    while (this.capacity * 4 < rows) this.capacity *= 2;
    this.#allocate();
    return true;
  }

  text(binder: Binder): string {
    const words = ['', ''];
    if (this.#raw) {
      const { values } = this.keys[0]!;
      const pair = binder.bind(values);
      words[0] = `${pair}[2*i]`;
      words[1] = `${pair}[2*i+1]`;
    } else
      this.digitTexts(binder).forEach((digit, k) => {
        const { word, shift } = this.#fields![k]!;
        const term = shift === 0 ? digit : `(${digit}<<${binder.bind(shift)})`;
        words[word] += words[word] === '' ? term : `|${term}`;
      });
    const w = this.#words;
    const slots = binder.bind(this.#slots);
    const packed = binder.bind(this.#packed);
    const high = w === 2 ? `const a1=${words[1]};` : '';
    const store = w === 2 ? `${packed}[2*g]=a0;${packed}[2*g+1]=a1;` : `${packed}[g]=a0;`;
    const equal = w === 2 ? `${packed}[2*g]===a0&&${packed}[2*g+1]===a1` : `${packed}[g]===a0`;
    return `const a0=${words[0]};${high}${hashText(w)}let s=h&(${slots}.length-1),g;
for(;;){g=${slots}[s];if(g<0){if(n===limit){S[0]=n;return i;}g=n++;${slots}[s]=g;${store}break;}if(${equal})break;s=(s+1)&(${slots}.length-1);}`;
  }

  grow(): void {
    this.capacity *= 2;
    this.#allocate();
  }

  order(): null {
    return null;
  }

  keyColumns(): Column[] {
    const rows = this.state[0]!;
    const w = this.#words;
    const packed = this.#packed;
    if (this.#raw) {
      const values = packed.subarray(0, 2 * rows);
      return [denseColumn(this.domains[0]!.type, 'i64', rows, values)];
    }
    return this.domains.map((domain, k) => {
      const { word, shift, mask } = this.#fields![k]!;
      const digit = (binder: Binder) =>
        `(${binder.bind(packed)}[${w}*i+${word}]>>>${binder.bind(shift)}&${binder.bind(mask)})`;
      return domain.decode(digit, rows, this.spans![k]!);
    });
  }

  /** Room for `capacity` groups; those that are there stay. */
  #allocate(): void {
    const w = this.#words;
    const packed = new Int32Array(this.capacity * w);
    packed.set(this.#packed);
    const slots = new Int32Array(this.capacity * 2).fill(-1);
    const mask = slots.length - 1;
    const groups = this.state[0]!;
    for (let g = 0; g < groups; g++) {
      let h = Math.imul(packed[w * g]!, 0x9e3779b1);
      if (w === 2) h = Math.imul(h ^ (h >>> 15) ^ packed[w * g + 1]!, 0x85ebca6b);
      let s = (h ^ (h >>> 14)) & mask;
      while (slots[s]! >= 0) s = (s + 1) & mask;
      slots[s] = g;
    }
    this.#packed = packed;
    this.#slots = slots;
  }
}

/** As #allocate hashes. */
function hashText(words: 1 | 2): string {
  const second = words === 2 ? 'h=Math.imul(h^(h>>>15)^a1,0x85ebca6b);' : '';
  return `let h=Math.imul(a0,0x9e3779b1);${second}h^=h>>>14;`;
}

/** Fields of digits (and the one for null) in two words, in key order where it fits; null when they do not fit. */
export function packFields(sizes: readonly number[]): Field[] | null {
  const used: [number, number] = [0, 0];
  const fields: Field[] = [];
  for (const size of sizes) {
    const bits = 32 - Math.clz32(size);
    const word = used[0] + bits <= 32 ? 0 : 1;
    if (used[word] + bits > 32) return null;
    fields.push({ word, shift: used[word], mask: bits === 32 ? -1 : (1 << bits) - 1 });
    used[word] += bits;
  }
  return fields;
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
