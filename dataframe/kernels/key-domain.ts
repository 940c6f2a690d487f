import { compile } from '../codegen/compile.js';
import { compileText } from '../codegen/wasm/kernel.js';
import { packValidity, type Validity } from '../column/bitmap.js';
import type { Column, Dictionary, Physical, Values } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { distinctness, sameDictionary } from '../column/dictionary.js';
import { DistinctTexts } from '../column/distinct-texts.js';
import { emptyDictionary, isCoded, physicalOf } from '../column/layout.js';
import { Binder } from './fused-text.js';
import { unfilledColumn } from './unfilled.js';

/** Values a domain may span: digits are Int32. */
const widest = 2 ** 31 - 2;
/** A dictionary is read as a whole only when it has at most so many entries per row of the batch, or few at all. */
const entriesPerRow = 2;
/** One with an id is met again, and what is found out about it is kept. */
const fewSharedEntries = 2 ** 20;
const fewEntries = 4096;

/** How the rows of one batch become digits. */
export interface Digits {
  /** New code of each code of the column; null: codes are digits. For text only. */
  readonly map: Int32Array | null;
}

/** Digit d stands for the value base + d, for text for code d; digit `size` for null. */
export interface Span {
  readonly base: number;
  readonly size: number;
}

const identity: Digits = { map: null };

/**
 * The values of one key column as digits 0 .. size-1, null as digit `size`: equal values have equal digits over all
 * batches of a task. A domain only grows; `version` tells when digits given before no longer hold.
 */
export class KeyDomain {
  readonly type: DataType;
  /** Digits, without the one for null. */
  size = 0;
  /** Value of digit 0, for integers. */
  base = 0;
  /** Counts the times that size or base changed. */
  version = 0;
  /** Values that were met, for integers: the domain may have room for more. */
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;
  #nullable = false;
  #dictionary: Dictionary | null = null;
  #table: DistinctTexts | null = null;
  /** Of the only dictionary so far, where it had to be made to see whether its entries are distinct. */
  #prepared: DistinctTexts | null = null;
  /** Of the dictionaries that are not the only one. */
  #maps: WeakMap<Dictionary, Int32Array> | null = null;
  /** What the table held when it was asked for its entries. */
  #entries: Dictionary | null = null;

  constructor(type: DataType) {
    this.type = type;
  }

  /** Makes room for the values of a column; null when their digits would be too many or are not worth knowing. */
  admit(column: Column): Digits | null {
    if (column.validity !== null) this.#nullable = true;
    switch (column.physical) {
      case 'code':
        return this.#admitText(column.dictionary!, column.length);
      case 'bool':
        return this.#span(0, 1);
      case 'i8':
      case 'u8':
      case 'i16':
      case 'u16':
      case 'i32':
      case 'u32':
        return this.#admitNumbers(column);
      case 'f64':
        return column.type.kind === 'float64' ? null : this.#admitNumbers(column);
      default:
        return null;
    }
  }

  /**
   * The column of `rows` digits that were given when the domain had this span. `digit`: text of digit i, over what it
   * binds; that must last until the values are looked at.
   */
  decode(digit: (binder: Binder) => string, rows: number, { base, size }: Span): Column {
    const { type } = this;
    const physical = isCoded(type) ? 'code' : physicalOf(type);
    const validity = this.#nullable ? validityOf(digit, rows, size) : { validity: null, nullCount: 0 };
    const text = physical === 'code';
    const fill = (values: Values, target: Physical) => {
      const binder = new Binder();
      const d = digit(binder);
      const value = text || base === 0 ? 'd' : `d+${binder.bind(base)}`;
      const valid = this.#nullable ? `d===${binder.bind(size)}?0:${value}` : value;
      const store =
        target === 'i64'
          ? `const v=${valid};out[2*i]=v|0;out[2*i+1]=Math.floor(v/4294967296);`
          : `out[i]=${valid};`;
      runDigits(binder, `/* decode ${target} */`, `const d=${d};${store}`, values, rows);
    };
    const dictionary = text ? this.#allEntries() : null;
    const column = { type, physical, length: rows, ...validity, dictionary };
    if (text || physical === 'bool') return unfilledColumn(column, fill);
    const top = base + size - 1;
    const range = this.#nullable
      ? { min: Math.min(base, 0), max: Math.max(top, 0) }
      : { min: base, max: top };
    return unfilledColumn({ ...column, range }, fill);
  }

  /** No values will come but those that were met: room for others is given up. Before the first digit is looked at. */
  settle(): void {
    if (this.#table !== null) this.size = this.#table.length;
    if (this.#greatest < this.#least) return;
    this.base = this.#least;
    this.size = this.#greatest - this.#least + 1;
  }

  /** One object for as long as there are no more. */
  #allEntries(): Dictionary {
    if (this.#dictionary !== null || this.#table === null) return this.#dictionary ?? emptyDictionary;
    if (this.#entries?.length !== this.#table.length) this.#entries = this.#table.toDictionary();
    return this.#entries;
  }

  #admitNumbers(column: Column): Digits | null {
    const range = column.range ?? scanRange(column);
    return range === null ? identity : this.#span(range.min, range.max);
  }

  /** Widens the domain to hold min and max, with room beyond when it had to grow before. */
  #span(min: number, max: number): Digits | null {
    const { base, size } = this;
    this.#least = Math.min(this.#least, min);
    this.#greatest = Math.max(this.#greatest, max);
    if (size > 0 && min >= base && max < base + size) return identity;
    const from = size === 0 ? min : Math.min(min, min < base ? base - size : base);
    const to = size === 0 ? max : Math.max(max, max >= base + size ? base + 2 * size : base + size - 1);
    if (to - from >= widest) return null;
    this.base = from;
    this.size = to - from + 1;
    this.version++;
    return identity;
  }

  #admitText(dictionary: Dictionary, rows: number): Digits | null {
    if (dictionary.length === 0) return identity;
    const known = this.#dictionary;
    if (known !== null && sameDictionary(known, dictionary)) return identity;
    // The digits of entries do not change when others come.
    if (dictionary === this.#entries) return identity;
    const seen = this.#maps?.get(dictionary);
    if (seen !== undefined) return { map: seen };
    const few = dictionary.id === undefined ? fewEntries : fewSharedEntries;
    if (dictionary.length > Math.max(few, entriesPerRow * rows)) return null;
    if (known === null && this.#table === null && this.#areDistinct(dictionary)) {
      this.#dictionary = dictionary;
      this.size = dictionary.length;
      this.version++;
      return identity;
    }
    const prepared = this.#prepared;
    this.#prepared = null;
    this.#table ??= prepared ?? new DistinctTexts();
    this.#maps ??= new WeakMap();
    if (known !== null) {
      // Entries of the first dictionary are distinct: they keep their codes.
      if (prepared === null) this.#table.internAll(known);
      this.#maps.set(
        known,
        Int32Array.from({ length: known.length }, (_, code) => code),
      );
      this.#dictionary = null;
    }
    const map = this.#table.internAll(dictionary);
    this.#maps.set(dictionary, map);
    if (this.#table.length > this.size) {
      this.size = this.size === 0 ? this.#table.length : 2 * this.#table.length;
      this.version++;
    }
    return { map };
  }

  #areDistinct(dictionary: Dictionary): boolean {
    const { known, table } = distinctness(dictionary);
    this.#prepared = known ? table : null;
    return known;
  }
}

/**
 * Domains of key columns that hold all of these batches, which several groupings of parts of them then share: text is
 * looked at once, and is judged by the rows of whole batches. Null when some key has no digits.
 */
export function sharedDomains(
  types: readonly DataType[],
  batches: readonly (readonly Column[])[],
): KeyDomain[] | null {
  const domains = types.map(type => new KeyDomain(type));
  for (const keys of batches) {
    if (keys.some((key, k) => domains[k]!.admit(key) === null)) return null;
  }
  for (const domain of domains) domain.settle();
  return domains;
}

function validityOf(digit: (binder: Binder) => string, rows: number, size: number): Validity {
  const flags = new Uint8Array(rows);
  const binder = new Binder();
  const store = `out[i]=${digit(binder)}===${binder.bind(size)}?0:1;`;
  runDigits(binder, '/* valid digits */', store, flags, rows);
  return packValidity(flags, rows);
}

function runDigits(binder: Binder, tag: string, text: string, out: Values, rows: number): void {
  compileText<(P: readonly unknown[], out: Values, from: number, rows: number) => void>(
    ['P', 'out', 'from', 'rows'],
    `${tag}${binder.text()}for(let i=from;i<rows;i++){${text}}`,
    rows,
  )(binder.values, out, 0, rows);
}

/** Least and greatest value; null slots hold 0 and may widen it: harmless. Null without rows. */
function scanRange(column: Column): { min: number; max: number } | null {
  if (column.length === 0) return null;
  const scan = compile<(values: unknown, rows: number, out: Float64Array) => void>(
    ['values', 'rows', 'out'],
    `/* range ${column.physical} */let a=values[0],b=a;for(let i=1;i<rows;i++){const v=values[i];if(v<a)a=v;if(v>b)b=v;}out[0]=a;out[1]=b;`,
  );
  const out = new Float64Array(2);
  scan(column.values, column.length, out);
  return { min: out[0]!, max: out[1]! };
}
