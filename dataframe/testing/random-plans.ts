import type { Rng } from '../../core/base/rng.js';
import { col, type Expr, len } from '../expr/expr.js';
import { concat, type DataFrame, type DataFrameHost, fromRecords } from '../frame.js';

/** Random chains of verbs over small tables with nulls and ties: what optimizer and planner must not change. */
export class RandomPlans {
  readonly #host: DataFrameHost;
  readonly #random: Rng;
  #fresh = 0;

  constructor(host: DataFrameHost, random: Rng) {
    this.#host = host;
    this.#random = random;
  }

  next(): DataFrame {
    let frame = this.#table(5 + this.#below(40));
    let names: readonly string[] = ['a', 'b', 's'];
    for (let step = 2 + this.#below(5); step > 0; step--) [frame, names] = this.#step(frame, names);
    return frame;
  }

  #step(frame: DataFrame, names: readonly string[]): [DataFrame, readonly string[]] {
    const number = () => this.#number(names);
    const verbs: (() => [DataFrame, readonly string[]])[] = [
      () => [frame.filter(this.#condition(names)), names],
      () => [frame.filter(this.#condition(names).and(this.#condition(names))), names],
      () => {
        const name = this.#name();
        return [frame.withColumns(col(number()).mul(2).add(1).alias(name)), [...names, name]];
      },
      () => {
        const kept = [number(), ...names].filter(
          (n, i, all) => all.indexOf(n) === i && (i === 0 || this.#random() < 0.6),
        );
        return [frame.select(...kept), kept];
      },
      () => {
        const [key, sum, count] = [this.#pick(names), this.#name(), this.#name()];
        const out = frame.groupBy(key).agg(col(number()).sum().alias(sum), len().alias(count));
        return [out, [key, sum, count]];
      },
      () => {
        const [key, value] = [this.#name(), this.#name()];
        const other = this.#table(3 + this.#below(10)).select(col('a').alias(key), col('b').alias(value));
        const how = this.#pick(['inner', 'left', 'right', 'full', 'semi', 'anti'] as const);
        const joined = frame.join(other, { leftOn: number(), rightOn: key, how });
        return [joined, how === 'semi' || how === 'anti' ? names : [...names, value]];
      },
      () => [frame.sort({ by: [number(), number()], descending: [this.#random() < 0.5, false] }), names],
      () => [frame.sort(...names.filter(isNumber)).limit(1 + this.#below(20), this.#below(4)), names],
      () => [concat([frame, frame]), names],
      () => [frame.dropNulls(number()), names],
      () => [frame.head(this.#below(30)), names],
      () => [frame.tail(this.#below(30)), names],
      () => [frame.unique({ on: number() }), names],
    ];
    return this.#pick(verbs)();
  }

  #condition(names: readonly string[]): Expr {
    const column = col(this.#number(names));
    const choices = [column.gt(this.#below(20)), column.isNull(), column.isNotNull()];
    return this.#pick([...choices, column.ltEq(this.#below(30)).or(col(this.#number(names)).eq(2))]);
  }

  #table(rows: number): DataFrame {
    const maybe = <T>(value: T) => (this.#random() < 0.2 ? null : value);
    const records = Array.from({ length: rows }, () => ({
      a: maybe(this.#below(6)),
      b: maybe(this.#below(100) / 4),
      s: maybe('xyzw'[this.#below(4)]!),
    }));
    return fromRecords(this.#host, records, { partitions: 1 + this.#below(4) });
  }

  #number(names: readonly string[]): string {
    return this.#pick(names.filter(isNumber));
  }

  #name(): string {
    return `n${this.#fresh++}`;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!;
  }
}

const isNumber = (name: string) => name !== 's';
