import { compileText } from '../codegen/wasm/kernel.js';
import type { Column, Dictionary } from '../column/column.js';
import { keyText, translateCodes, wordsOfKey } from './join-key.js';
import { hashText, type JoinTable, slotStride, walkText } from './join-table.js';
import type { Lent } from './lent.js';

/** Row pairs of a join, in probe order, then build order. */
export interface JoinPairs {
  readonly rows: number;
  /** null: every probe row once, in order. */
  readonly left: Int32Array | null;
  /** -1: no match. */
  readonly right: Int32Array;
  /** True when `right` may hold -1. */
  readonly gaps: boolean;
}

/** Rows of the probe side, in order; null: all of them. */
export interface JoinRows {
  readonly rows: number;
  readonly left: Int32Array | null;
}

type Find = (
  P: readonly unknown[],
  state: Int32Array,
  heads: Int32Array,
  starts: Int32Array,
  left: Int32Array,
  right: Int32Array,
  from: number,
  rows: number,
) => void;

/** Finds rows of a batch in a table. `dictionaries` are those of the build side's keys; pairs lie in lent memory. */
export class JoinProbe {
  readonly #table: JoinTable;
  readonly #dictionaries: readonly (Dictionary | null)[];

  constructor(table: JoinTable, dictionaries: readonly (Dictionary | null)[]) {
    this.#table = table;
    this.#dictionaries = dictionaries;
  }

  /** Matching pairs. */
  inner(keys: readonly Column[], rows: number, lent: Lent): JoinPairs {
    if (!this.#table.unique) return this.#lists(keys, rows, false, lent);
    const left = numbers(lent, rows);
    const right = numbers(lent, rows);
    const found = this.#run(keys, rows, left, right, 'left[k]=i;right[k]=g;if(g>=0)k++;');
    if (found === rows) return { rows, left: null, right, gaps: false };
    return { rows: found, left: left.subarray(0, found), right: right.subarray(0, found), gaps: false };
  }

  /** Matching pairs, and every other probe row with -1. */
  outer(keys: readonly Column[], rows: number, lent: Lent): JoinPairs {
    if (!this.#table.unique) return this.#lists(keys, rows, true, lent);
    const right = numbers(lent, rows);
    const found = this.#run(keys, rows, none, right, 'right[i]=g;if(g>=0)k++;');
    return { rows, left: null, right, gaps: found < rows };
  }

  /** Rows that have a match, or those that have none. */
  rowsWhere(matched: boolean, keys: readonly Column[], rows: number, lent: Lent): JoinRows {
    const left = numbers(lent, rows);
    const step = `left[k]=i;if(g${matched ? '>=' : '<'}0)k++;`;
    const found = this.#run(keys, rows, left, none, step);
    return { rows: found, left: found === rows ? null : left.subarray(0, found) };
  }

  #lists(keys: readonly Column[], rows: number, keepUnmatched: boolean, lent: Lent): JoinPairs {
    const { starts, rows: matches } = this.#table;
    const group = numbers(lent, rows);
    const found = this.#run(keys, rows, none, group, 'right[i]=g;if(g>=0)k++;');
    let total = 0;
    for (let i = 0; i < rows; i++) {
      const g = group[i]!;
      total += g < 0 ? (keepUnmatched ? 1 : 0) : starts[g + 1]! - starts[g]!;
    }
    const left = numbers(lent, total);
    const right = numbers(lent, total);
    let k = 0;
    for (let i = 0; i < rows; i++) {
      const g = group[i]!;
      if (g < 0) {
        if (!keepUnmatched) continue;
        left[k] = i;
        right[k++] = -1;
        continue;
      }
      const to = starts[g + 1]!;
      for (let m = starts[g]!; m < to; m++) {
        left[k] = i;
        right[k++] = matches[m]!;
      }
    }
    return { rows: total, left, right, gaps: keepUnmatched && found < rows };
  }

  /** One pass over the rows: `g` is the head of the row's key or -1; gives k. */
  #run(keys: readonly Column[], rows: number, left: Int32Array, right: Int32Array, step: string): number {
    const { tier, unique, shapes, heads, starts } = this.#table;
    const dense = tier === 'dense';
    const maps = keys.map((key, k) => {
      const own = this.#dictionaries[k];
      return own == null ? null : translateCodes(key.dictionary!, own);
    });
    const { head, body, bound } = keyText(keys, shapes, dense, maps);
    const words = keys.reduce((sum, key, k) => sum + wordsOfKey(key, shapes[k]!), 0);
    let find: string;
    if (!dense) find = `${hashText(words)}${walkText(words)}f=g;`;
    else find = unique ? 'f=heads[c];' : 'if(starts[c+1]>starts[c])f=c;';
    const setup = dense ? '' : `const end=heads.length,mask=(end/${slotStride(words)}|0)-1;`;
    const loop = compileText<Find>(
      ['P', 'S', 'heads', 'starts', 'left', 'right', 'from', 'rows'],
      `${head}${setup}let k=S[0];for(let i=from;i<rows;i++){let f=-1;for(;;){${body}${find}break;}const g=f;${step}}S[0]=k;`,
      rows,
    );
    const state = new Int32Array(1);
    loop(bound, state, heads, starts, left, right, 0, rows);
    return state[0]!;
  }
}

const none = new Int32Array(0);

function numbers(lent: Lent, rows: number): Int32Array {
  return lent.values('i32', rows) as Int32Array;
}
