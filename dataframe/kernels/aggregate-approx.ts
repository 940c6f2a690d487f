import type { Column } from '../column/column.js';
import { DataType } from '../column/datatype.js';
import { denseColumn } from '../column/layout.js';
import { type Accumulator, grown } from './accumulator.js';
import { GroupValues } from './group-values.js';
import { hashRows } from './hash.js';
import { itemGroups } from './list.js';

const REGISTER_BITS = 14;
const REGISTERS = 1 << REGISTER_BITS;
/** Bits of the 32-bit hash below the register's. */
const RANK_BITS = 32 - REGISTER_BITS;
/** A register and its rank in one number: ranks take five bits. */
const RANK_STRIDE = 32;

/**
 * HyperLogLog (Flajolet et al. 2007) with 2^14 registers per group and Ertl's improved estimator (2017), which needs
 * no correction for small counts. Only registers that were set are kept, in one hash table over all groups: small
 * groups are small. Registers are maxima of hashes of values, so any cut of the rows gives the same number.
 */
export class ApproxDistinctAccumulator implements Accumulator {
  #groups = 0;
  #used = 0;
  #group = new Int32Array(64);
  #register = new Int32Array(64);
  #rank = new Uint8Array(64);
  /** Entry + 1 by hash of group and register; at most half full. */
  #slots = new Int32Array(256);

  resize(groups: number): void {
    this.#groups = groups;
  }

  update(column: Column | null, group: Int32Array, rows: number, mask: Uint8Array | null): void {
    if (column!.type.kind === 'null') return;
    const hashes = hashRows([column!], rows);
    for (let i = 0; i < rows; i++) {
      if (mask !== null && mask[i] === 0) continue;
      const h = hashes[i]!;
      this.#raise(group[i]!, h >>> RANK_BITS, Math.clz32(h << REGISTER_BITS) + 1);
    }
  }

  state(): Column[] {
    const packed = new Int32Array(this.#used);
    for (let e = 0; e < this.#used; e++) packed[e] = this.#register[e]! * RANK_STRIDE + this.#rank[e]!;
    const byGroup = new GroupValues(DataType.Int32);
    const column = denseColumn(DataType.Int32, 'i32', this.#used, packed);
    byGroup.add(column, this.#group, this.#used, null);
    return [byGroup.lists(this.#groups)];
  }

  merge(state: readonly Column[], group: Int32Array): void {
    const lists = state[0]!;
    const rows = itemGroups(lists, group);
    const packed = lists.items!.values;
    for (let k = 0; k < rows.length; k++) {
      const v = packed[k]!;
      this.#raise(rows[k]!, (v / RANK_STRIDE) | 0, v % RANK_STRIDE);
    }
  }

  result(): Column {
    const n = this.#groups;
    const [lists] = this.state() as [Column];
    const offsets = lists.values;
    const packed = lists.items!.values;
    const values = new Float64Array(n);
    /** Registers of each rank. */
    const counts = new Int32Array(RANK_BITS + 2);
    for (let g = 0; g < n; g++) {
      counts.fill(0);
      for (let q = offsets[g]!; q < offsets[g + 1]!; q++) counts[packed[q]! % RANK_STRIDE]!++;
      values[g] = Math.round(estimate(counts));
    }
    return denseColumn(DataType.Int64, 'f64', n, values);
  }

  /** Keeps the largest rank. Ranks of hashes whose lower bits are all 0 are RANK_BITS + 1. */
  #raise(group: number, register: number, rank: number): void {
    const most = rank > RANK_BITS + 1 ? RANK_BITS + 1 : rank;
    const mask = this.#slots.length - 1;
    let s = (Math.imul(group, 0x9e3779b1) ^ Math.imul(register, 0x85ebca6b)) & mask;
    for (;;) {
      const e = this.#slots[s]! - 1;
      if (e < 0) break;
      if (this.#group[e] === group && this.#register[e] === register) {
        if (this.#rank[e]! < most) this.#rank[e] = most;
        return;
      }
      s = (s + 1) & mask;
    }
    const e = this.#used++;
    this.#group = grown(this.#group, e + 1);
    this.#register = grown(this.#register, e + 1);
    this.#rank = grown(this.#rank, e + 1);
    this.#group[e] = group;
    this.#register[e] = register;
    this.#rank[e] = most;
    this.#slots[s] = e + 1;
    if (this.#used * 2 > this.#slots.length) this.#rehash();
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let e = 0; e < this.#used; e++) {
      let s = (Math.imul(this.#group[e]!, 0x9e3779b1) ^ Math.imul(this.#register[e]!, 0x85ebca6b)) & mask;
      while (slots[s] !== 0) s = (s + 1) & mask;
      slots[s] = e + 1;
    }
    this.#slots = slots;
  }
}

/** Ertl 2017, algorithm 6, from the number of registers of each rank (0 is what is left). */
function estimate(counts: Int32Array): number {
  const last = RANK_BITS + 1;
  let set = 0;
  for (let rank = 1; rank <= last; rank++) set += counts[rank]!;
  if (set === 0) return 0;
  let z = REGISTERS * tau(1 - counts[last]! / REGISTERS);
  for (let rank = RANK_BITS; rank >= 1; rank--) z = 0.5 * (z + counts[rank]!);
  z += REGISTERS * sigma((REGISTERS - set) / REGISTERS);
  const distinct = (REGISTERS * REGISTERS) / (2 * Math.LN2 * z);
  // Hashes of 32 bits collide: the number of values behind that many distinct hashes.
  const space = 2 ** 32;
  return distinct >= space ? distinct : -space * Math.log1p(-distinct / space);
}

function sigma(x: number): number {
  if (x === 1) return Infinity;
  let y = 1;
  let z = x;
  for (;;) {
    const before = z;
    x *= x;
    z += x * y;
    y += y;
    if (z === before) return z;
  }
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let y = 1;
  let z = 1 - x;
  for (;;) {
    const before = z;
    x = Math.sqrt(x);
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
    if (z === before) return z / 3;
  }
}
