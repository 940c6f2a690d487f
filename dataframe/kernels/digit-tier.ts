import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import type { Binder } from './fused-text.js';
import { type Digits, KeyDomain, type Span } from './key-domain.js';

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

/** What tiers have in common that tell keys apart by digits. */
export abstract class DigitTier {
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

  protected digitTexts(binder: Binder): string[] {
    return this.keys.map((key, k) => digitText(key, this.digits[k]!, this.domains[k]!, binder));
  }
}
