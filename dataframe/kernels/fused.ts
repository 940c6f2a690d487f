import { compile } from '../codegen/compile.js';
import type { Column } from '../column/column.js';
import type { DataType } from '../column/datatype.js';
import {
  aggregatesPerLoop,
  type FusedSpec,
  initialValue,
  isExtreme,
  type Layout,
  type LayoutFlags,
  layoutOf,
  slotSources,
} from './fused-layout.js';
import { Binder, type FusedInput, mergeText, rowsText, type SlotText } from './fused-text.js';
import { DenseTier, type KeyTier, PackedTier, TableTier, type TierKind } from './key-tiers.js';
import { giveNumbers, takeNumbers } from './scratch.js';

/** Rows after which sums of 32-bit integers may pass 2^53. */
const shortRows = 2 ** 21;

export interface GroupsOptions {
  readonly keys: readonly DataType[];
  readonly specs: readonly FusedSpec[];
  /** True: batches hold states of other tasks. */
  readonly merging: boolean;
  /** Group numbers of the rows are wanted too. */
  readonly numbered: boolean;
  /** Rows to come, where most are groups of their own. */
  readonly expected?: number;
  /** For tests. */
  readonly tier?: TierKind;
}

type Loop = (
  P: readonly unknown[],
  S: Int32Array,
  st: Float64Array,
  from: number,
  rows: number,
  limit: number,
  entry: number,
  ids: Int32Array | null,
) => number;

/** One loop over a batch: which aggregates it updates and where the group of a row comes from. */
type Body = (at: SlotText, binder: Binder) => string;

/**
 * Groups of one task and the state of their aggregates. Keys are found and aggregates updated by one generated function
 * over raw arrays. The tier is chosen from the keys' ranges and the rows of the batches, so by data alone; whatever
 * tier ran, groups are numbered by first appearance and every bit is the same.
 */
export class FusedGroups {
  readonly specs: readonly FusedSpec[];
  readonly #options: GroupsOptions;
  #tier: KeyTier | null = null;
  #layout: Layout;
  #rows = 0;
  /** Interleaved: slot s of the group at place g is #numbers[g * width + s]. What is not in use is 0. */
  #numbers: Float64Array = new Float64Array(0);
  #places = 0;

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.specs = options.specs;
    // Without keys the group is there before its rows.
    const partly = this.specs.map(() => options.keys.length === 0);
    const flags = { partly, long: false, stamped: false };
    this.#layout = layoutOf(this.specs, flags, options.merging);
    if (options.keys.length === 0) this.#reserve(1);
  }

  /** Without keys: 1 as soon as there was a row. */
  get count(): number {
    if (this.#options.keys.length === 0) return this.#rows > 0 ? 1 : 0;
    return this.#tier?.state[0] ?? 0;
  }

  get layout(): Layout {
    return this.#layout;
  }

  get numbers(): Float64Array {
    return this.#numbers;
  }

  /** No more rows: groups may be put into another order, of the keys. Then they are read. */
  settle(): void {
    this.#tier?.settle?.();
  }

  /** Place of each group; null: group k is at place k. */
  order(): Int32Array | null {
    return this.#tier?.order() ?? null;
  }

  keyColumns(): Column[] {
    return this.#tier?.keyColumns() ?? [];
  }

  /** Adds the rows of a batch of one entry. Gives their group numbers when the options ask for them. */
  addRows(
    keys: readonly Column[],
    inputs: readonly FusedInput[],
    rows: number,
    entry: number,
  ): Int32Array | null {
    this.#rows += rows;
    const old = this.#layout.flags;
    this.#show({
      partly: inputs.map(
        ({ column, filter }, k) => old.partly[k]! || filter !== null || column?.validity != null,
      ),
      long: old.long || this.#rows > shortRows,
      stamped: old.stamped || entry > 0,
    });
    const body =
      (from: number, to: number): Body =>
      (at, binder) =>
        rowsText({ specs: this.specs, layout: this.#layout, from, to, at, binder }, inputs);
    return this.#run(keys, rows, entry + 1, body);
  }

  /** Adds states: `states[k]` are the columns of aggregate k. */
  addStates(
    keys: readonly Column[],
    states: readonly (readonly Column[])[],
    rows: number,
  ): Int32Array | null {
    this.#rows += rows;
    const old = this.#layout.flags;
    const partly = states.map((columns, k) => old.partly[k]! || columns[0]!.validity !== null);
    this.#show({ ...old, partly });
    const body =
      (from: number, to: number): Body =>
      (at, binder) =>
        mergeText({ specs: this.specs, layout: this.#layout, from, to, at, binder }, states);
    return this.#run(keys, rows, 0, body);
  }

  /** Gives the memory back; nothing is read after it. */
  close(): void {
    giveNumbers(this.#numbers);
    this.#numbers = new Float64Array(0);
  }

  #run(
    keys: readonly Column[],
    rows: number,
    entry: number,
    body: (from: number, to: number) => Body,
  ): Int32Array | null {
    const count = this.specs.length;
    const several = count > aggregatesPerLoop;
    const ids = this.#options.numbered || several ? new Int32Array(rows) : null;
    const first = Math.min(count, aggregatesPerLoop);
    if (keys.length === 0) this.#runWhole(rows, entry, body(0, first));
    else this.#runGrouped(keys, rows, entry, ids, body(0, first));
    for (let from = first; from < count; from += aggregatesPerLoop) {
      const more = body(from, Math.min(count, from + aggregatesPerLoop));
      if (keys.length === 0) this.#runWhole(rows, entry, more);
      else this.#loop(binder => `const g=${binder.bind(ids)}[i];`, more, 0, rows, entry, null);
    }
    return this.#options.numbered ? ids : null;
  }

  #runGrouped(
    keys: readonly Column[],
    rows: number,
    entry: number,
    ids: Int32Array | null,
    body: Body,
  ): void {
    const tier = this.#tierFor(keys, rows, ids !== null);
    this.#reserve(tier.places);
    for (let from = 0; ; ) {
      from = this.#loop(binder => tier.text(binder), body, from, rows, entry, ids);
      if (from === rows) return;
      tier.grow();
      this.#reserve(tier.places);
    }
  }

  #loop(
    keyText: (binder: Binder) => string,
    body: Body,
    from: number,
    rows: number,
    entry: number,
    ids: Int32Array | null,
  ): number {
    const binder = new Binder();
    const { width } = this.#layout;
    const key = keyText(binder);
    const text = body(slot => (slot === 0 ? 'st[b]' : `st[b+${slot}]`), binder);
    const store = ids === null ? '' : 'ids[i]=g;';
    const base = text === '' ? '' : `const b=g*${width};`;
    const loop = compileLoop(
      `${binder.text()}let n=S[0];\nfor(let i=from;i<rows;i++){\n${key}${store}${base}\n${text}\n}\nS[0]=n;return rows;`,
    );
    const state = this.#tier!.state;
    return loop(binder.values, state, this.#numbers, from, rows, this.#tier!.capacity, entry, ids);
  }

  /** Without keys the numbers of the only group are local variables. */
  #runWhole(rows: number, entry: number, body: Body): void {
    const used = new Set<number>();
    const binder = new Binder();
    const text = body(slot => {
      used.add(slot);
      return `r${slot}`;
    }, binder);
    const slots = [...used];
    const loads = slots.map(slot => `let r${slot}=st[${slot}];`).join('');
    const stores = slots.map(slot => `st[${slot}]=r${slot};`).join('');
    const loop = compileLoop(
      `${binder.text()}${loads}\nfor(let i=from;i<rows;i++){\n${text}\n}\n${stores}return rows;`,
    );
    loop(binder.values, noState, this.#numbers, 0, rows, 0, entry, null);
  }

  #tierFor(keys: readonly Column[], rows: number, numbered: boolean): KeyTier {
    const old = this.#tier;
    if (old?.admit(keys, rows)) return old;
    const { keys: types, tier: forced, expected = 0 } = this.#options;
    const groups = old?.state[0] ?? 0;
    const known = groups === 0 ? null : old!.keyColumns();
    const makers: Record<TierKind, () => KeyTier> = {
      dense: () => new DenseTier(types, known, numbered ? 0 : this.#layout.width),
      packed: () => new PackedTier(types, known, expected),
      table: () => new TableTier(types, known),
    };
    for (const kind of ['dense', 'packed', 'table'] as const) {
      // What outgrew the dense tier once will again.
      if (kind !== 'table' && (kind !== (forced ?? kind) || (kind === 'dense' && old?.kind === 'packed')))
        continue;
      const tier = makers[kind]();
      if (!tier.admit(keys, rows + groups)) continue;
      if (known !== null) {
        this.#move(old!, tier, known, groups);
        tier.admit(keys, rows);
      }
      this.#tier = tier;
      return tier;
    }
    throw new Error('volley bug: the last tier takes everything');
  }

  /** Takes the groups of another tier over, in their order, and their numbers. */
  #move(from: KeyTier, to: KeyTier, known: readonly Column[], groups: number): void {
    const { width } = this.#layout;
    const compact = takeNumbers(groups * width);
    moveNumbers(this.#numbers, from.order(), compact, null, groups, width);
    giveNumbers(this.#numbers);
    if (to.kind !== 'table') {
      const places = new Int32Array(groups);
      to.admit(known, groups);
      for (let at = 0; ; to.grow()) {
        const binder = new Binder();
        const key = to.text(binder);
        const loop = compileLoop(
          `${binder.text()}let n=S[0];for(let i=from;i<rows;i++){${key}ids[i]=g;}S[0]=n;return rows;`,
        );
        at = loop(binder.values, to.state, compact, at, groups, to.capacity, 0, places);
        if (at === groups) break;
      }
    }
    this.#numbers = compact;
    this.#places = groups;
    const order = to.order();
    if (order === null) return;
    this.#numbers = takeNumbers(to.places * width);
    this.#places = to.places;
    this.#begin(0, to.places);
    moveNumbers(compact, null, this.#numbers, order, groups, width);
    giveNumbers(compact);
  }

  /** Makes room for places 0 .. places-1. */
  #reserve(places: number): void {
    if (places <= this.#places) return;
    const { width } = this.#layout;
    const next = takeNumbers(places * width);
    next.set(this.#numbers.subarray(0, this.#places * width));
    giveNumbers(this.#numbers);
    this.#numbers = next;
    this.#begin(this.#places, places);
    this.#places = places;
  }

  /** Gives the places from .. to-1 the values that aggregates start with; they hold 0. */
  #begin(from: number, to: number): void {
    const { width, value } = this.#layout;
    this.specs.forEach((spec, k) => {
      const initial = initialValue(spec);
      if (initial === 0) return;
      const numbers = this.#numbers;
      for (let at = from * width + value[k]!; at < to * width; at += width) numbers[at] = initial;
    });
  }

  #show(flags: LayoutFlags): void {
    const old = this.#layout;
    const same =
      old.flags.long === flags.long &&
      old.flags.stamped === flags.stamped &&
      old.flags.partly.every((value, k) => value === flags.partly[k]);
    if (same) return;
    const next = layoutOf(this.specs, flags, this.#options.merging);
    this.#layout = next;
    if (this.#places === 0) return;
    const numbers = takeNumbers(this.#places * next.width);
    const source = slotSources(old, next);
    for (let slot = 0; slot < next.width; slot++) {
      const from = source[slot]!;
      if (from < 0) continue;
      for (let g = 0; g < this.#places; g++)
        numbers[g * next.width + slot] = this.#numbers[g * old.width + from]!;
    }
    giveNumbers(this.#numbers);
    this.#numbers = numbers;
    // Extremes that get a count: every group had rows, and all of them counted.
    const groups = this.count;
    const order = this.order();
    this.specs.forEach((spec, k) => {
      const slot = next.count[k]!;
      if (!isExtreme(spec) || slot < 0 || source[slot]! >= 0) return;
      for (let g = 0; g < groups; g++) numbers[(order === null ? g : order[g]!) * next.width + slot] = 1;
    });
  }
}

const noState = new Int32Array(1);

function compileLoop(text: string): Loop {
  return compile<Loop>(['P', 'S', 'st', 'from', 'rows', 'limit', 'entry', 'ids'], text);
}

/** Copies the numbers of groups 0 .. groups-1 from their old places to their new ones; null: place k. */
function moveNumbers(
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
