import { compile } from '../codegen/compile.js';
import { elementOf } from '../codegen/wasm/elements.js';
import type { Column, Values } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { isNarrow, narrowest } from '../column/narrow.js';
import { combineCells } from './cell-digits-wasm.js';
import { combineDigits } from './digits-wasm.js';
import { Binder } from './fused-text.js';
import { type Digits, KeyDomain, type Span } from './key-domain.js';
import type { Lent } from './lent.js';
import { lookedUp } from './looked-up.js';
import { lookedUpElements, type RowElements } from './row-elements.js';
import { fewBytes } from './scratch.js';

/** Fewer are not worth a call. */
const fewRows = 2048;

/** The cell of each row. */
export type CellNumbers = Uint8Array | Uint16Array | Int32Array;

type Combine = (P: readonly unknown[], out: CellNumbers, from: number, rows: number) => void;

/** Text of the digit of row i in one key column. */
function digitText(column: Column, digits: Digits, domain: KeyDomain, binder: Binder): string {
  const looked = lookedUp(column);
  if (looked !== null) {
    const table = binder.bind(digitTable(looked.table, digits, domain), 'i32');
    return `${table}[${binder.bind(looked.codes, 'u16')}[i]]`;
  }
  const read = narrowest(column);
  const values = binder.bind(read.values, read.physical);
  let text = `${values}[i]`;
  if (digits.map !== null) text = `${binder.bind(digits.map)}[${text}]`;
  else if (domain.base !== 0) text = `(${text}-${binder.bind(domain.base)}|0)`;
  else if (column.physical === 'f64') text = `(${text}|0)`;
  if (column.validity === null) return text;
  const bits = binder.bind(column.validity);
  return `(((${bits}[i>>3]>>(i&7))&1)===0?${binder.bind(domain.size)}:${text})`;
}

/** The digit of each entry of a table that has no nulls. */
function digitTable(table: Values, { map }: Digits, { base }: KeyDomain): Int32Array {
  const out = new Int32Array(table.length);
  for (let k = 0; k < out.length; k++) out[k] = map === null ? table[k]! - base : map[table[k]!]!;
  return out;
}

/** What tiers have in common that tell keys apart by digits. */
export abstract class DigitTier {
  readonly state = new Int32Array(1);
  protected readonly domains: readonly KeyDomain[];
  protected keys: readonly Column[] = [];
  protected digits: readonly Digits[] = [];
  /** Of the domains, since this tier took its first batch. */
  protected spans: readonly Span[] | null = null;
  #versions: readonly number[] = [];
  #combined: CellNumbers = new Int32Array(0);
  readonly #fits: boolean;
  /** There are groups to put in first. */
  protected readonly filled: boolean;

  /** `known`: keys of groups that will be put in first. `shared`: domains that have met all keys to come. */
  constructor(
    types: readonly DataType[],
    known: readonly Column[] | null,
    shared?: readonly KeyDomain[] | null,
  ) {
    this.domains = shared ?? types.map(type => new KeyDomain(type));
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

  /**
   * The sum of each row's digits, times these factors, which is below `most`, by vectors. Null where they cannot, or where keys
   * without nulls or few rows make it no faster than text.
   */
  protected combined(factors: readonly number[], most: number, lent: Lent): CellNumbers | null {
    const rows = this.keys[0]!.length;
    if (rows < fewRows || this.keys.every(({ validity }) => validity === null)) return null;
    if (this.digits.some(({ map }) => map !== null)) return null;
    const digits = this.keys.map((key, k) => {
      const { base, size } = this.domains[k]!;
      return { column: key, ...narrowest(key), validity: key.validity, base, size, factor: factors[k]! };
    });
    const small = most <= 65_536 && digits.every(({ physical }) => isNarrow(physical));
    const physical = most > 65_536 ? 'i32' : small && most <= 256 ? 'u8' : 'u16';
    if (this.#combined.length < rows || elementOf(this.#combined) !== physical)
      this.#combined = lent.values(physical, Math.max(rows, fewBytes), false) as CellNumbers;
    const out = this.#combined.subarray(0, rows);
    const done = small
      ? combineCells(digits, out as Uint8Array | Uint16Array, rows)
      : combineDigits(
          digits.map(digit => ({ ...digit, word: 0 })),
          out as Uint16Array | Int32Array,
          false,
          rows,
        );
    if (done === 0) return null;
    const binder = new Binder();
    const texts = this.digitTexts(binder).map((digit, k) => `Math.imul(${digit},${binder.bind(factors[k])})`);
    compile<Combine>(
      ['P', 'out', 'from', 'rows'],
      `${binder.text()}for(let i=from;i<rows;i++){out[i]=${texts.join('+')}|0;}`,
    )(binder.values, out, done, rows);
    return out;
  }

  /** The digits of a key that is looked up; null: it is not. */
  protected lookedUpDigits(k: number): RowElements | null {
    const looked = lookedUp(this.keys[k]!);
    if (looked === null) return null;
    return lookedUpElements(looked.codes, digitTable(looked.table, this.digits[k]!, this.domains[k]!));
  }

  protected digitTexts(binder: Binder): string[] {
    return this.keys.map((key, k) => digitText(key, this.digits[k]!, this.domains[k]!, binder));
  }
}
