import { assert } from '../../core/base/assert.js';
import { compileText } from '../codegen/wasm/kernel.js';
import {
  type FusedSpec,
  initialInt,
  initialValue,
  isExtreme,
  type Layout,
  nullInt,
  slotSources,
  type Witness,
} from './fused-layout.js';
import type { Plane } from './fused-text.js';
import type { Lent } from './lent.js';
import { fill, giveNumbers, takeNumbers } from './scratch.js';

const none = new Float64Array(0);
/** Of a state: a core's cache holds about as much beside the rows that pass. */
const cachedBytes = 2 ** 20;
const noInts = new Int32Array(0);
/** Numbers of a group that are written one by one: V8 gives up on long texts. */
const fewSlots = 12;

/** The numbers of groups, by place. */
export class GroupNumbers {
  readonly #specs: readonly FusedSpec[];
  #layout: Layout;
  #numbers: Float64Array = none;
  #totals: Float64Array = none;
  /** Holds the last entries. */
  #lastStore: Float64Array = none;
  /** Holds the integers. */
  #intStore: Float64Array = none;
  #ints: Int32Array = noInts;
  #places = 0;
  /** As long as it is there generated code does not note which places are in use. */
  witness: Witness | null = null;

  constructor(specs: readonly FusedSpec[], layout: Layout) {
    this.#specs = specs;
    this.#layout = layout;
  }

  get layout(): Layout {
    return this.#layout;
  }

  get places(): number {
    return this.#places;
  }

  /** Interleaved: slot s of the group at place g is numbers[g * width + s]. */
  get numbers(): Float64Array {
    return this.#numbers;
  }

  /** Of float sums over the entries before the last: slot s is totals[g * totalWidth + s]. Empty: there are none. */
  get totals(): Float64Array {
    return this.#totals;
  }

  /** By place, where there are totals: 1 + the entry that the sums were last folded into totals for; 0: its totals hold anything. */
  get lasts(): Int32Array {
    const { buffer, byteOffset, length } = this.#lastStore;
    return new Int32Array(buffer, byteOffset, 2 * length);
  }

  /** Interleaved like the numbers: slot width + s of the group at place g is ints[g * intWidth + s]. */
  get ints(): Int32Array {
    return this.#ints;
  }

  /** What one loop over rows updates: all, or one plane after another where the state is more than stays in the cache. */
  planes(): readonly (Plane | null)[] {
    const { width, intWidth } = this.#layout;
    const apart = width > 0 && intWidth > 0 && this.#places * (8 * width + 4 * intWidth) > cachedBytes;
    return apart ? [slot => slot >= width, slot => slot < width] : [null];
  }

  /** Where each place shows whether it has a group: in an array, numbers of a place in it, and which of them. */
  witnessed(): [Float64Array | Int32Array, number, Witness] {
    const { width, intWidth } = this.#layout;
    const { slot, unused } = this.witness!;
    if (slot < width) return [this.#numbers, width, { slot, unused }];
    return [this.#ints, intWidth, { slot: slot - width, unused }];
  }

  /** There are totals from now on, none of which holds anything yet: of places 0 .. begun-1, the others' begin with their groups. */
  addTotals(begun: number): void {
    const { totalWidth } = this.#layout;
    if (totalWidth === 0 || this.#totals.length > 0) return;
    this.#totals = takeNumbers(Math.max(1, this.#places) * totalWidth, false);
    this.#lastStore = takeNumbers(lastNumbers(this.#places), false);
    fill(this.#lastStore.subarray(0, lastNumbers(begun)), 0);
  }

  /** Makes room for places 0 .. places-1. `begin`: new ones hold what aggregates start with, instead of anything. */
  reserve(places: number, begin: boolean): void {
    if (places <= this.#places) return;
    const { width, totalWidth } = this.#layout;
    this.#numbers = grown(this.#numbers, this.#places * width, places * width, begin);
    if (this.#totals.length > 0) {
      this.#totals = grown(this.#totals, this.#places * totalWidth, places * totalWidth, false);
      this.#lastStore = grown(this.#lastStore, lastNumbers(this.#places), lastNumbers(places), false);
      if (begin) this.lasts.fill(0, this.#places);
    }
    this.#reserveInts(places);
    if (begin) this.#begin(this.#places, places);
    this.#places = places;
  }

  /** Only where places come at once, those of a dense tier. */
  #reserveInts(places: number): void {
    const length = places * this.#layout.intWidth;
    if (length === 0) return;
    assert(this.#places === 0, 'integers are kept for as many places as there were first');
    this.#intStore = takeNumbers(Math.ceil(length / 2));
    this.#ints = new Int32Array(this.#intStore.buffer, this.#intStore.byteOffset, length);
  }

  /** Text that gives the numbers of group `g` the values that aggregates start with, and its totals, when there are any. */
  birthText(): string {
    const { width, value } = this.#layout;
    const first = new Array<number>(width).fill(0);
    this.#specs.forEach((spec, k) => {
      if (value[k]! >= 0) first[value[k]!] = initialValue(spec);
    });
    const numbers = width === 0 ? '' : `const b=Math.imul(g,${width});${assignText('st', 'b', first)}`;
    return `{${numbers}${this.#totals.length === 0 ? '' : 'last[g]=0;'}}`;
  }

  /** Groups 0 .. groups-1, which were at these places, lie at places of their own numbers. */
  gather(order: Int32Array | null, groups: number): void {
    const { width, totalWidth } = this.#layout;
    this.#numbers = moved(this.#numbers, order, null, groups, width, groups);
    if (this.#totals.length > 0) {
      this.#totals = moved(this.#totals, order, null, groups, totalWidth, Math.max(1, groups));
      this.#moveLasts(order, null, groups, groups);
    }
    this.#places = groups;
  }

  /** Groups 0 .. groups-1 go to these of so many places. */
  scatter(order: Int32Array, groups: number, places: number): void {
    const { width, totalWidth } = this.#layout;
    const compact = this.#numbers;
    this.#numbers = takeNumbers(places * width);
    this.#begin(0, places);
    move(compact, null, this.#numbers, order, groups, width);
    giveNumbers(compact);
    if (this.#totals.length > 0) {
      this.#totals = moved(this.#totals, null, order, groups, totalWidth, places);
      this.#moveLasts(null, order, groups, places);
    }
    this.#places = places;
  }

  #moveLasts(from: Int32Array | null, to: Int32Array | null, groups: number, places: number): void {
    const old = this.#lastStore;
    const lasts = this.lasts;
    this.#lastStore = takeNumbers(lastNumbers(places));
    const next = this.lasts;
    for (let k = 0; k < groups; k++) next[to === null ? k : to[k]!] = lasts[from === null ? k : from[k]!]!;
    giveNumbers(old);
  }

  /** The same in another layout. `order`: places of the groups that there are. */
  relay(next: Layout, order: Int32Array | null, groups: number): void {
    const old = this.#layout;
    this.#layout = next;
    if (this.#places === 0) return;
    const sources = slotSources(old, next);
    const numbers = this.#relaid(old, next, sources);
    giveNumbers(this.#numbers);
    giveNumbers(this.#intStore);
    this.#intStore = none;
    this.#ints = noInts;
    this.#numbers = numbers;
    // Extremes that get a count which nothing else kept: every group had rows, and all of them counted.
    this.#specs.forEach((spec, k) => {
      const slot = next.count[k]!;
      if (!isExtreme(spec) || slot < 0 || sources[slot]! >= 0) return;
      for (let g = 0; g < groups; g++) numbers[(order === null ? g : order[g]!) * next.width + slot] = 1;
    });
  }

  /** Lasts as long as what else was lent. */
  lendTo(lent: Lent): void {
    lent.adopt(this.#numbers);
    lent.adopt(this.#totals);
    lent.adopt(this.#lastStore);
    lent.adopt(this.#intStore);
  }

  #relaid(old: Layout, next: Layout, sources: Int32Array): Float64Array {
    const places = this.#places;
    const numbers = this.#numbers;
    const out = takeNumbers(places * next.width);
    sources.forEach((from, slot) => {
      if (from < 0 || from >= old.width) return;
      for (let g = 0; g < places; g++) out[g * next.width + slot] = numbers[g * old.width + from]!;
    });
    if (old.intWidth > 0) this.#widen(old, next, sources, out);
    return out;
  }

  /** Integers become floats, and what extremes of them start with what extremes of floats do. */
  #widen(old: Layout, next: Layout, sources: Int32Array, out: Float64Array): void {
    const ints = this.#ints;
    const begins = new Map(this.#specs.map((spec, k) => [next.value[k]!, spec]));
    sources.forEach((from, slot) => {
      if (from < old.width) return;
      const spec = begins.get(slot);
      const extreme = spec !== undefined && isExtreme(spec);
      const [none, missing] = extreme ? [initialInt(spec), nullInt(spec.op)] : [0, 0];
      const after = extreme ? initialValue(spec) : 0;
      for (let g = 0; g < this.#places; g++) {
        const x = ints[g * old.intWidth + from - old.width]!;
        out[g * next.width + slot] = x === none || x === missing ? after : x;
      }
    });
  }

  /** Gives the places from .. to-1 the values that aggregates start with; they hold 0. */
  #begin(from: number, to: number): void {
    const { width, intWidth, value } = this.#layout;
    const fill = (slot: number, initial: number) => {
      if (Object.is(initial, 0)) return;
      if (slot < width) beginSlot(this.#numbers, width, slot, initial, from, to);
      else beginSlot(this.#ints, intWidth, slot - width, initial, from, to);
    };
    this.#specs.forEach((spec, k) => {
      const slot = value[k]!;
      if (slot >= 0) fill(slot, slot < width ? initialValue(spec) : initialInt(spec));
    });
    if (this.witness !== null) fill(this.witness.slot, this.witness.unused);
  }
}

/** Numbers that hold the last entries of so many places. */
function lastNumbers(places: number): number {
  return Math.max(1, Math.ceil(places / 2));
}

type BeginSlot = (
  numbers: Float64Array | Int32Array,
  width: number,
  slot: number,
  initial: number,
  from: number,
  rows: number,
) => number;

/** Sets a slot of the places from .. to-1. */
function beginSlot(
  numbers: Float64Array | Int32Array,
  width: number,
  slot: number,
  initial: number,
  from: number,
  to: number,
): void {
  const begin = compileText<BeginSlot>(
    ['numbers', 'width', 'slot', 'initial', 'from', 'rows'],
    'for(let i=from;i<rows;i++){numbers[Math.imul(i,width)+slot|0]=initial;}return rows;',
    to - from,
  );
  begin(numbers, width, slot, initial, from, to);
}

/** Text that writes these values from the index that `base` names on. */
function assignText(array: string, base: string, values: readonly number[]): string {
  const one = (x: number, slot: number) => `${array}[${base}+${slot}]=${x};`;
  if (values.length <= fewSlots) return values.map(one).join('');
  const zeros = `for(let z=0;z<${values.length};z++)${array}[${base}+z|0]=0;`;
  return zeros + values.map((x, slot) => (Object.is(x, 0) ? '' : one(x, slot))).join('');
}

/** `length` numbers, the first `held` of which are those of `from`, which is given back. */
function grown(from: Float64Array, held: number, length: number, zeroed: boolean): Float64Array {
  const out = takeNumbers(length, false);
  out.set(from.subarray(0, held));
  if (zeroed) fill(out.subarray(held), 0);
  giveNumbers(from);
  return out;
}

function moved(
  from: Float64Array,
  fromPlaces: Int32Array | null,
  toPlaces: Int32Array | null,
  groups: number,
  width: number,
  places: number,
): Float64Array {
  const out = takeNumbers(places * width);
  move(from, fromPlaces, out, toPlaces, groups, width);
  giveNumbers(from);
  return out;
}

/** Copies the numbers of groups 0 .. groups-1 from their old places to their new ones; null: place k. */
function move(
  from: Float64Array,
  fromPlaces: Int32Array | null,
  to: Float64Array,
  toPlaces: Int32Array | null,
  groups: number,
  width: number,
): void {
  for (let k = 0; k < groups; k++) {
    const a = (fromPlaces === null ? k : fromPlaces[k]!) * width;
    const b = (toPlaces === null ? k : toPlaces[k]!) * width;
    for (let w = 0; w < width; w++) to[b + w] = from[a + w]!;
  }
}
