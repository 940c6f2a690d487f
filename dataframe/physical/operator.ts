import type { Batch } from '../column/column.js';
import type { Schema } from '../column/datatype.js';

/** Where an operator puts its rows. `entry` is the input entry (partition) that they stem from. */
export type Emit = (batch: Batch, entry: number) => void;

/**
 * One step of a fragment, with the state of one task. Batches come in row order; those of one entry adjoin. Empty
 * batches are never pushed.
 */
export interface Operator {
  readonly schema: Schema;
  push(batch: Batch, entry: number, emit: Emit): void;
  /** No more input: emits what is still held. */
  finish(emit: Emit): void;
  /** True when more input cannot change the output. */
  readonly done: boolean;
  /** Takes text whose dictionary repeats entries: it compares no codes, or sees to it by itself. */
  readonly movesOnly?: boolean;
}
