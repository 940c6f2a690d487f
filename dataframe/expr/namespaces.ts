import { VolleyError } from '../../core/base/errors.js';
import { type DataType, formatType } from '../column/datatype.js';
import { Expr } from './expr.js';
import type { FunctionName, FunctionParams } from './node.js';

/** Functions of text. Patterns: a string is taken as it is, a RegExp as JavaScript's. */
export class StringNamespace {
  readonly #expr: Expr;

  constructor(expr: Expr) {
    this.#expr = expr;
  }

  #call(fn: FunctionName, params?: FunctionParams): Expr {
    const args = [this.#expr.node];
    return new Expr(params === undefined ? { kind: 'call', fn, args } : { kind: 'call', fn, args, params });
  }

  contains(pattern: string | RegExp): Expr {
    return this.#call('str.contains', patternParams(pattern));
  }
  startsWith(text: string): Expr {
    return this.#call('str.startsWith', { text });
  }
  endsWith(text: string): Expr {
    return this.#call('str.endsWith', { text });
  }
  toLowerCase(): Expr {
    return this.#call('str.toLowerCase');
  }
  toUpperCase(): Expr {
    return this.#call('str.toUpperCase');
  }
  /** Without white space at both ends. */
  strip(): Expr {
    return this.#call('str.strip');
  }
  /** `length` code points from `offset` (negative: from the end); to the end without `length`. */
  slice(offset: number, length?: number): Expr {
    return this.#call('str.slice', { offset, length: length ?? null });
  }
  /** Code points. */
  lenChars(): Expr {
    return this.#call('str.lenChars');
  }
  /** The first match replaced. */
  replace(pattern: string | RegExp, value: string): Expr {
    return this.#call('str.replace', { ...patternParams(pattern), value });
  }
  replaceAll(pattern: string | RegExp, value: string): Expr {
    return this.#call('str.replaceAll', { ...patternParams(pattern), value });
  }
  /** Text to Date or Timestamp: `.str.strptime(DataType.Date, '%Y-%m-%d')`. */
  strptime(type: DataType, format: string, options: { strict?: boolean } = {}): Expr {
    if (type.kind !== 'date' && type.kind !== 'timestamp') {
      throw new VolleyError(
        'INVALID_ARGUMENT',
        `strptime gives DataType.Date or DataType.Timestamp(unit), not ${formatType(type)}`,
      );
    }
    const input = this.#call('str.strptime', { format }).node;
    return new Expr({ kind: 'cast', input, type, strict: options.strict ?? true });
  }
}

/** Parts of dates and timestamps, in UTC. */
export class DateNamespace {
  readonly #expr: Expr;

  constructor(expr: Expr) {
    this.#expr = expr;
  }

  #call(fn: FunctionName, params?: FunctionParams): Expr {
    const args = [this.#expr.node];
    return new Expr(params === undefined ? { kind: 'call', fn, args } : { kind: 'call', fn, args, params });
  }

  year(): Expr {
    return this.#call('date.year');
  }
  /** 1 to 12. */
  month(): Expr {
    return this.#call('date.month');
  }
  day(): Expr {
    return this.#call('date.day');
  }
  /** 1 = Monday to 7 = Sunday. */
  weekday(): Expr {
    return this.#call('date.weekday');
  }
  hour(): Expr {
    return this.#call('date.hour');
  }
  minute(): Expr {
    return this.#call('date.minute');
  }
  second(): Expr {
    return this.#call('date.second');
  }
  /** Day of the year, from 1. */
  ordinalDay(): Expr {
    return this.#call('date.ordinalDay');
  }
  /** Units since 1970: 's', 'ms', 'us', 'ns' or 'd'. */
  epoch(unit: 's' | 'ms' | 'us' | 'ns' | 'd' = 'us'): Expr {
    return this.#call('date.epoch', { unit });
  }
  /** The start of the period it is in: '1d', '1h', '15m', '1w', '1mo', '1y'. */
  truncate(every: string): Expr {
    if (!/^\d+(s|m|h|d|w|mo|y)$/.test(every) || Number.parseInt(every, 10) === 0) {
      throw new VolleyError(
        'INVALID_ARGUMENT',
        `truncate takes a number and one of s m h d w mo y, e.g. '15m' or '1mo', not ${JSON.stringify(every)}`,
      );
    }
    return this.#call('date.truncate', { every });
  }
  strftime(format: string): Expr {
    return this.#call('date.strftime', { format });
  }
}

/** Parts of structs. */
export class StructNamespace {
  readonly #expr: Expr;

  constructor(expr: Expr) {
    this.#expr = expr;
  }

  /** One field, under its name; null where the struct is. */
  field(name: string): Expr {
    const args = [this.#expr.node];
    return new Expr({ kind: 'call', fn: 'struct.field', args, params: { name } }).alias(name);
  }
}

function patternParams(pattern: string | RegExp): { pattern: string; regex: boolean; flags: string } {
  if (typeof pattern === 'string') return { pattern, regex: false, flags: '' };
  return { pattern: pattern.source, regex: true, flags: pattern.flags.replace(/[gy]/g, '') };
}
