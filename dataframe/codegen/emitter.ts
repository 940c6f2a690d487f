import { assert } from '../../core/base/assert.js';
import { limits } from '../../core/base/limits.js';
import type { Batch, Column, Dictionary } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import { compact, entryTexts } from '../column/dictionary.js';
import { columnIndex } from '../column/layout.js';
import type { ExprNode } from '../expr/node.js';

/**
 * What a piece of generated code leaves in local variables for one row. All texts are side-effect free.
 * `isNull` is the text of a boolean, or null when the value is never null. A null value's code may be anything.
 */
export type Emitted = NumberValue | BoolValue | PairValue | BigValue | TextValue | NullValue;

interface EmittedBase {
  readonly type: DataType;
  readonly isNull: string | null;
}
/** A JavaScript number. 64-bit integers, and decimals' unscaled ones: always safe ones. */
export interface NumberValue extends EmittedBase {
  readonly form: 'number';
  readonly code: string;
  /** The value where it is a constant. */
  readonly constant?: number;
}
/** A JavaScript boolean. */
export interface BoolValue extends EmittedBase {
  readonly form: 'bool';
  readonly code: string;
}
/** A 64-bit integer that may be beyond 2^53: high word (signed, unless the type is uint64) and low word (unsigned). */
export interface PairValue extends EmittedBase {
  readonly form: 'pair';
  readonly high: string;
  readonly low: string;
}
/** The unscaled integer of a decimal as a bigint; 0n or any other bigint where the value is null. */
export interface BigValue extends EmittedBase {
  readonly form: 'big';
  readonly code: string;
}
/** A code into a dictionary, which is known while the code is generated. */
export interface TextValue extends EmittedBase {
  readonly form: 'text';
  readonly code: string;
  readonly dictionary: Dictionary;
}
/** Always null. */
export interface NullValue extends EmittedBase {
  readonly form: 'null';
}

interface Block {
  readonly known: Map<number, Emitted>;
  readonly lines: string[];
}

/** Evaluates expressions that cannot be part of a loop to columns over the selected rows. */
export type Materialize = (node: ExprNode) => Column;

/**
 * Collects the text of one loop body and the values it refers to. Text depends on the expressions and on the physical
 * form and nullability of the columns only: what depends on the data (dictionaries, tables) is bound as P[k].
 */
export class Emitter {
  readonly batch: Batch;
  /** Rows the loop runs over: all of the batch, or those selected. */
  readonly rows: number;
  readonly materialize: Materialize;
  /** Decimals are bigints, not numbers: some value is beyond 2^53 (emit-decimal.ts). */
  readonly huge: boolean;
  readonly bound: unknown[] = [];
  #boundAt = new Map<unknown, number>();
  #blocks: Block[] = [{ known: new Map(), lines: [] }];
  #names = 0;
  #columns = new Map<Column, Column>();
  #texts = new Map<Dictionary, readonly string[]>();

  constructor(batch: Batch, rows: number, materialize: Materialize, huge = false) {
    this.batch = batch;
    this.rows = rows;
    this.materialize = materialize;
    this.huge = huge;
  }

  /** The text that refers to a value known only at run time. */
  bind(value: unknown): string {
    let at = this.#boundAt.get(value);
    if (at === undefined) {
      at = this.bound.push(value) - 1;
      this.#boundAt.set(value, at);
    }
    return `p${at}`;
  }

  fresh(prefix = 'x'): string {
    return `${prefix}${this.#names++}`;
  }

  line(text: string): void {
    this.#blocks.at(-1)!.lines.push(text);
  }

  /** A local constant of that value; names and short literals stay what they are. */
  local(text: string, prefix = 'x'): string {
    if (/^[\w.]+$/.test(text)) return text;
    const name = this.fresh(prefix);
    this.line(`const ${name}=${text};`);
    return name;
  }

  /** Lines written by `body` go into a block of their own; what it emitted is unknown outside. */
  block<T>(body: () => T): { text: string; result: T } {
    this.#blocks.push({ known: new Map(), lines: [] });
    const result = body();
    const block = this.#blocks.pop()!;
    return { text: block.lines.join('\n'), result };
  }

  /** The loop body so far. */
  text(): string {
    assert(this.#blocks.length === 1, 'all blocks of generated code are closed');
    return this.#blocks[0]!.lines.join('\n');
  }

  /** Emits a node once: a structurally equal one that was emitted in this or an enclosing block is reused. */
  remember(node: ExprNode, emit: () => Emitted): Emitted {
    const key = exprNumber(node);
    for (const block of this.#blocks) {
      const known = block.known.get(key);
      if (known !== undefined) return known;
    }
    const value = emit();
    this.#blocks.at(-1)!.known.set(key, value);
    return value;
  }

  /** The input column of that name; a dictionary much larger than the rows is cut down first. */
  column(name: string): Column {
    const column = this.batch.columns[columnIndex(this.batch.schema, name)]!;
    if (column.dictionary === null || column.dictionary.length < 1024) return column;
    if (column.dictionary.length < 2 * column.length) return column;
    let smaller = this.#columns.get(column);
    if (smaller === undefined) {
      smaller = compacted(column);
      this.#columns.set(column, smaller);
    }
    return smaller;
  }

  /** Entries of a dictionary as JavaScript strings. */
  entries(dictionary: Dictionary): readonly string[] {
    let texts = this.#texts.get(dictionary);
    if (texts === undefined) this.#texts.set(dictionary, (texts = entryTexts(dictionary)));
    return texts;
  }
}

/** Numbers of expressions, and of their texts where a part stands as its number. */
const numbers = new WeakMap<ExprNode, number>();
const numberOfText = new Map<string, number>();
let lastNumber = 0;

/** Equal for equal expressions, as far as they are remembered, and never for others. */
function exprNumber(node: ExprNode): number {
  const known = numbers.get(node);
  if (known !== undefined) return known;
  const text = JSON.stringify(node, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'number' && !Number.isFinite(value)) return `#${value}`;
    if (Object.is(value, -0)) return '#-0';
    if (value !== node && typeof value === 'object' && value !== null && 'kind' in value) {
      if (isExpr(value)) return { $: exprNumber(value as ExprNode) };
    }
    return value;
  });
  const number = numberOfText.get(text) ?? ++lastNumber;
  numbers.set(node, number);
  if (text.length > limits.numberedExpressionChars) return number;
  if (numberOfText.size >= limits.numberedExpressions) numberOfText.clear();
  numberOfText.set(text, number);
  return number;
}

const exprKinds = new Set(['column', 'literal', 'call', 'cast', 'case', 'aggregate', 'alias', 'wildcard']);

function isExpr(value: object): boolean {
  return exprKinds.has((value as { kind: string }).kind);
}

function compacted(column: Column): Column {
  const codes = column.values as Int32Array;
  const smaller = compact(column.dictionary!, codes, column.length);
  if (smaller === null) return column;
  const values = new Int32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = smaller.map[codes[i]!]!;
  return { ...column, values, dictionary: smaller.dictionary };
}

/** The text of "one of these is null"; null when none can be. */
export function anyNull(emitter: Emitter, ...flags: readonly (string | null)[]): string | null {
  const some = [...new Set(flags.filter(flag => flag !== null))];
  if (some.length === 0) return null;
  if (some.length === 1) return some[0]!;
  return emitter.local(some.join('||'), 'n');
}

/** A number as text that evaluates to it. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Infinity) return 'Infinity';
  if (value < 0 || Object.is(value, -0)) return `(${Object.is(value, -0) ? '-0' : value})`;
  return String(value);
}
