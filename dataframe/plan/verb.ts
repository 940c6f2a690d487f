import type { ExprNode } from '../expr/node.js';
import type { ScanSpec } from '../io/source.js';
import type { JoinHow } from '../physical/fragment.js';
import type { MemoryTable } from './memory-table.js';

/**
 * What a frame was asked to do, verb by verb, before any source was looked at: names and types are unchecked.
 * plan/analyze.ts turns it into a Plan. Immutable, shared between frames.
 */
export type Verb =
  | { readonly kind: 'scan'; readonly scan: ScanSpec }
  | { readonly kind: 'memory'; readonly table: MemoryTable }
  | { readonly kind: 'filter'; readonly input: Verb; readonly predicate: ExprNode }
  | { readonly kind: 'select'; readonly input: Verb; readonly exprs: readonly ExprNode[] }
  | { readonly kind: 'withColumns'; readonly input: Verb; readonly exprs: readonly ExprNode[] }
  | { readonly kind: 'drop'; readonly input: Verb; readonly names: readonly string[] }
  | { readonly kind: 'rename'; readonly input: Verb; readonly names: ReadonlyMap<string, string> }
  | {
      readonly kind: 'groupBy';
      readonly input: Verb;
      readonly keys: readonly ExprNode[];
      readonly exprs: readonly ExprNode[];
      /** Groups come in the order of their first rows. */
      readonly maintainOrder: boolean;
    }
  | JoinVerb
  | {
      readonly kind: 'sort';
      readonly input: Verb;
      readonly by: readonly SortBy[];
      readonly limit: number | null;
    }
  | { readonly kind: 'limit'; readonly input: Verb; readonly n: number; readonly offset: number }
  | { readonly kind: 'tail'; readonly input: Verb; readonly n: number }
  | { readonly kind: 'concat'; readonly inputs: readonly Verb[]; readonly how: 'vertical' | 'diagonal' }
  /** `on` null: all columns. */
  | {
      readonly kind: 'unique';
      readonly input: Verb;
      readonly on: readonly string[] | null;
      readonly keep: 'first' | 'last' | 'any' | 'none';
    }
  /** Applies to the columns whose type can hold the value. */
  | { readonly kind: 'fillNull'; readonly input: Verb; readonly value: ExprNode }
  /** Applies to floats. */
  | { readonly kind: 'fillNan'; readonly input: Verb; readonly value: ExprNode }
  /** `names` empty: all columns. */
  | { readonly kind: 'dropNulls'; readonly input: Verb; readonly names: readonly string[] }
  | { readonly kind: 'explode'; readonly input: Verb; readonly names: readonly string[] }
  /** `index` null: all columns not in `on`; `on` null: all not in `index`. */
  | {
      readonly kind: 'unpivot';
      readonly input: Verb;
      readonly index: readonly string[] | null;
      readonly on: readonly string[] | null;
      readonly variableName: string;
      readonly valueName: string;
    }
  | PivotVerb
  | { readonly kind: 'describe'; readonly input: Verb }
  /** `by` empty: rows keep their order. `n` null: as many partitions as suit the bytes. */
  | {
      readonly kind: 'repartition';
      readonly input: Verb;
      readonly n: number | null;
      readonly by: readonly string[];
    }
  /** Exactly one of `n` and `fraction` is not null. */
  | {
      readonly kind: 'sample';
      readonly input: Verb;
      readonly n: number | null;
      readonly fraction: number | null;
      readonly seed: number;
    };

export interface PivotVerb {
  readonly kind: 'pivot';
  readonly input: Verb;
  readonly index: readonly string[];
  readonly on: string;
  readonly values: readonly string[];
  readonly aggregate: PivotAggregate;
  /** null: all values that are there, looked up before the plan is made. */
  readonly onValues: readonly ExprNode[] | null;
}

export const pivotAggregates = [
  'sum',
  'mean',
  'min',
  'max',
  'count',
  'len',
  'first',
  'last',
  'median',
  'std',
  'var',
  'nUnique',
] as const;
export type PivotAggregate = (typeof pivotAggregates)[number];

export interface JoinVerb {
  readonly kind: 'join';
  readonly left: Verb;
  readonly right: Verb;
  readonly leftOn: readonly string[];
  readonly rightOn: readonly string[];
  readonly how: JoinHow;
  readonly suffix: string;
}

export interface SortBy {
  readonly expr: ExprNode;
  readonly descending: boolean;
  /** null: as the order numbers < NaN < null says, turned round when descending. */
  readonly nullsLast: boolean | null;
}

/** The verbs a verb works on. */
export function verbInputs(verb: Verb): readonly Verb[] {
  switch (verb.kind) {
    case 'scan':
    case 'memory':
      return [];
    case 'join':
      return [verb.left, verb.right];
    case 'concat':
      return verb.inputs;
    default:
      return [verb.input];
  }
}

/** Every verb of the tree, root first; one that is used twice comes twice. */
export function* verbsOf(verb: Verb): Generator<Verb> {
  yield verb;
  for (const input of verbInputs(verb)) yield* verbsOf(input);
}
