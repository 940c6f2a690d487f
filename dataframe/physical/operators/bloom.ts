import type { Batch } from '../../column/column.js';
import { DataType, type Schema } from '../../column/datatype.js';
import { columnOf, denseColumn } from '../../column/layout.js';
import { addKeys, bloomWords, mayHold } from '../../kernels/bloom.js';
import { GatheredBatch, type Piece } from '../../kernels/gathered.js';
import type { BloomStep } from '../fragment.js';
import type { Operator } from '../operator.js';
import { bloomSchema } from '../schema.js';

/** One batch: the words of a Bloom filter over the keys of all rows. */
export function makeBloomOperator({ keys }: BloomStep): Operator {
  const kept: Batch[] = [];
  return {
    schema: bloomSchema,
    done: false,
    push(batch) {
      kept.push(batch);
    },
    finish(emit) {
      const words = bloomWords(kept.reduce((sum, { rows }) => sum + rows, 0));
      for (const batch of kept) {
        addKeys(
          words,
          keys.map(name => columnOf(batch, name)),
          batch.rows,
        );
      }
      const columns = [denseColumn(DataType.Int32, 'i32', words.length, words)];
      emit({ schema: bloomSchema, rows: words.length, columns }, 0);
    },
  };
}

/** Lets rows through whose keys may be in the filter: what the others hold is never gathered. */
export function testBloomOperator({ keys }: BloomStep, schema: Schema, filter: Batch): Operator {
  const words = filter.columns[0]!.values as Int32Array;
  return {
    schema,
    movesOnly: true,
    done: false,
    push(batch, entry, emit) {
      const columns = keys.map(name => columnOf(batch, name));
      const at = mayHold(words, columns, batch.rows);
      if (at.length === batch.rows) emit(batch, entry);
      if (at.length === 0 || at.length === batch.rows) return;
      const pieces = batch.columns.map((column): Piece => ({ column, at, gaps: false }));
      emit(new GatheredBatch(schema, at.length, pieces), entry);
    },
    finish() {},
  };
}
