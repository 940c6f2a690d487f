import { seededRng } from '../../core/base/rng.js';

/** A column of generated data. Strings are `prefix` and their number, padded with zeros to `width` digits. */
export interface BenchColumn {
  readonly name: string;
  /** category: a string of few values, a dictionary in every system; text: a string of many. */
  readonly kind: 'int' | 'float' | 'category' | 'text';
  /** The value, or the number within a string. */
  readonly values: Int32Array | Float64Array;
  /** 1 where the row is null; null when no row is. */
  readonly nulls: Uint8Array | null;
  readonly prefix: string;
  readonly width: number;
  /** The largest number of an int, category or text column. */
  readonly max: number;
}

export interface BenchTable {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly BenchColumn[];
}

/** What decides the data, bit for bit. */
export interface DataOptions {
  readonly rows: number;
  readonly seed: number;
  /** Percent of nulls in every column. */
  readonly na: number;
  /** Rows in order of the keys. */
  readonly sorted: boolean;
}

/** Each column has random numbers of its own, so that adding one changes no other. */
export class ColumnMaker {
  private readonly rows: number;
  private readonly na: number;
  private seed: number;

  constructor({ seed, na }: DataOptions, rows: number, table: number) {
    this.rows = rows;
    this.na = na;
    this.seed = (Math.imul(seed, 2_654_435_761) + table * 1_000) | 0;
  }

  /** Uniform whole numbers 1..max. */
  uniform(max: number): Int32Array {
    const random = seededRng(this.seed++);
    const values = new Int32Array(this.rows);
    for (let i = 0; i < values.length; i++) values[i] = 1 + Math.floor(random() * max);
    return values;
  }

  /** Uniform 0..100, rounded to 6 digits. */
  hundred(): Float64Array {
    const random = seededRng(this.seed++);
    const values = new Float64Array(this.rows);
    for (let i = 0; i < values.length; i++) values[i] = Math.round(random() * 1e8) / 1e6;
    return values;
  }

  /** Every key at least once, the other rows at random, all shuffled. */
  sampleAll(keys: Int32Array): Int32Array {
    const random = seededRng(this.seed++);
    const values = new Int32Array(this.rows);
    for (let i = 0; i < values.length; i++) {
      values[i] = i < keys.length ? keys[i]! : keys[Math.floor(random() * keys.length)]!;
    }
    return shuffle(values, random);
  }

  int(name: string, values: Int32Array, max: number): BenchColumn {
    return { name, kind: 'int', values, nulls: this.nulls(), prefix: '', width: 0, max };
  }

  float(name: string, values: Float64Array): BenchColumn {
    return { name, kind: 'float', values, nulls: this.nulls(), prefix: '', width: 0, max: 0 };
  }

  text(name: string, kind: 'category' | 'text', values: Int32Array, max: number, width = 0): BenchColumn {
    return { name, kind, values, nulls: this.nulls(), prefix: 'id', width, max };
  }

  private nulls(): Uint8Array | null {
    const random = seededRng(this.seed++);
    if (this.na === 0) return null;
    const nulls = new Uint8Array(this.rows);
    const share = this.na / 100;
    for (let i = 0; i < nulls.length; i++) nulls[i] = random() < share ? 1 : 0;
    return nulls;
  }
}

export function shuffle(values: Int32Array, random: () => number): Int32Array {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const value = values[i]!;
    values[i] = values[j]!;
    values[j] = value;
  }
  return values;
}

/** The text of a string column's number. */
export function textOf({ prefix, width }: BenchColumn, number: number): string {
  return prefix + String(number).padStart(width, '0');
}
