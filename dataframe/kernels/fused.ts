import type { Column, ValueRange } from '../column/column.js';
import {
  aggregatesPerLoop,
  baseText,
  type FusedSpec,
  flagsWith,
  hasNoWideSum,
  type LayoutFlags,
  layoutOf,
  mostAdded,
  mostInt,
  mostMerged,
  sameFlags,
  slotText,
  witnessOf,
} from './fused-layout.js';
import { numberGroups, rowLoop } from './fused-loop.js';
import type { GroupsOptions } from './fused-options.js';
import { GroupNumbers } from './fused-state.js';
import {
  Binder,
  type FusedInput,
  foldText,
  mergeText,
  type Plane,
  RowBits,
  rowsText,
  type SlotText,
} from './fused-text.js';
import { runWhole } from './fused-whole.js';
import { type Added, hasAll, noSlots, WordSums } from './fused-words.js';
import {
  DenseTier,
  fewGroups,
  type KeyTier,
  type KnownGroups,
  TableTier,
  type TierKind,
} from './key-tiers.js';
import { PackedTier } from './packed-tier.js';

/** Rows after which sums of 32-bit integers may pass 2^53. */
const shortRows = 2 ** 21;
const mostSafe = Number.MAX_SAFE_INTEGER;
/** Aggregates up to which two loops, before and after all groups are known, are worth their texts. */
const fewAggregates = 4;
/** Rows of a batch after which few groups are probably all known. */
const lookedRows = 8192;

/** One loop over a batch: which aggregates it updates and where the group of a row comes from. */
type Body = (at: SlotText, binder: Binder, plane: Plane | null) => string;

/**
 * Groups of one task and the state of their aggregates. Keys are found and aggregates updated by one generated function
 * over raw arrays. The tier is chosen from the keys' ranges and the rows of the batches, so by data alone; whatever
 * tier ran, groups are numbered by first appearance and every bit is the same.
 */
export class FusedGroups {
  readonly specs: readonly FusedSpec[];
  readonly #options: GroupsOptions;
  #tier: KeyTier | null = null;
  readonly #state: GroupNumbers;
  #rows = 0;
  /** Rows were added whose groups were not noted, and not found since. */
  #unseen = false;
  /** Groups are noted as they come, although the state has a witness. */
  #noted = false;
  /** By aggregate: only some rows are looked at. */
  #filtered: readonly boolean[] = [];
  /** No sum of small integers is above it, nor are counts; extremes are far from it. Infinity: nothing is known. */
  #most = 0;
  #first = -1;
  #entry = -1;
  readonly #words: WordSums;
  /** What the batch adds, where that is rows. */
  #added: Added | null = null;
  /** Groups that there were before the entry, where they are numbered by first appearance. */
  #born = 0;

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.#words = new WordSums(options.lent);
    this.specs = options.specs;
    // Without keys the group is there before its rows.
    const partly = this.specs.map(() => options.keys.length === 0);
    const flags = { partly, long: false, far: false, huge: false, narrow: false };
    this.#state = new GroupNumbers(this.specs, layoutOf(this.specs, flags, options.merging));
    if (options.keys.length === 0) this.#state.reserve(1, true);
  }

  /** Without keys: 1 as soon as there was a row. */
  get count(): number {
    if (this.#options.keys.length === 0) return this.#rows > 0 ? 1 : 0;
    this.#discover();
    return this.#tier?.state[0] ?? 0;
  }

  /** Bounds of sums of small integers and of counts; null: they have to be looked for. */
  get range(): ValueRange | null {
    return this.#state.layout.flags.narrow ? { min: -this.#most, max: this.#most } : null;
  }

  get state(): GroupNumbers {
    return this.#state;
  }

  /** No more rows: groups may be put into another order, of the keys. Then they are read. */
  settle(): void {
    this.#discover();
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
    this.#filtered = inputs.map(({ filter }) => filter !== null);
    this.#most += mostAdded(this.specs, inputs, rows);
    const long = this.#rows > shortRows && !(hasNoWideSum(this.specs) && this.#most <= mostSafe);
    this.#show(flagsWith(this.#state.layout.flags, this.specs, inputs, this.#most, long));
    this.#begins(entry);
    const rowBits = new RowBits(rows, this.#options.lent);
    this.#added = { inputs, rowBits };
    const body =
      (from: number, to: number): Body =>
      (at, binder, plane) =>
        rowsText(
          { specs: this.specs, layout: this.#state.layout, from, to, at, binder, rowBits },
          inputs,
          plane,
        );
    return this.#run(keys, rows, entry + 1, body);
  }

  /** Adds states: `states[k]` are the columns of aggregate k. */
  addStates(
    keys: readonly Column[],
    states: readonly (readonly Column[])[],
    rows: number,
  ): Int32Array | null {
    this.#rows += rows;
    const old = this.#state.layout.flags;
    const partly = states.map((columns, k) => old.partly[k]! || columns[0]!.validity !== null);
    this.#most += mostMerged(this.specs, states, rows);
    this.#show({ ...old, partly, long: old.long || this.#most > mostSafe });
    const rowBits = new RowBits(rows, this.#options.lent);
    this.#added = null;
    const body =
      (from: number, to: number): Body =>
      (at, binder) =>
        mergeText({ specs: this.specs, layout: this.#state.layout, from, to, at, binder, rowBits }, states);
    return this.#run(keys, rows, 0, body);
  }

  /** No more rows: the state lasts as long as what was lent to the task. */
  close(): void {
    this.#state.lendTo(this.#options.lent);
  }

  /** From the second entry on, what sums hold of earlier ones is folded into totals when a row of it comes to a group. */
  #begins(entry: number): void {
    if (this.#first < 0) this.#first = entry;
    if (entry !== this.#entry) this.#born = this.#tier === null ? 0 : this.#tier.state[0]!;
    this.#entry = entry;
    if (entry !== this.#first) this.#state.addTotals(this.#tier?.births ? this.count : this.#state.places);
  }

  /** Text that folds the sums of group `g`, whose totals lie at `f`, when the row is of another entry than its last. */
  #foldText(at: SlotText): string {
    if (this.#state.layout.totalWidth === 0 || this.#entry === this.#first) return '';
    return foldText(this.#state.layout, at);
  }

  /** Whether a plane has sums that are folded. */
  #addsFloats(plane: Plane): boolean {
    const { total, value } = this.#state.layout;
    return total.some((slot, k) => slot >= 0 && plane(value[k]!));
  }

  #folding(body: Body): Body {
    return (at, binder, plane) => {
      const fold = plane === null || this.#addsFloats(plane) ? this.#foldText(at) : '';
      const text = body(at, binder, plane);
      if (fold === '') return text;
      // Groups that are numbered as they come were born in this entry from that number on.
      const old = this.#tier!.order() === null ? 'if(g<born)' : '';
      return `${old}{const f=g*${this.#state.layout.totalWidth};${fold}}\n${text}`;
    };
  }

  #run(
    keys: readonly Column[],
    rows: number,
    entry: number,
    body: (from: number, to: number) => Body,
  ): Int32Array | null {
    const count = this.specs.length;
    const several = count > aggregatesPerLoop;
    // Without keys nobody writes them: all are 0.
    const { numbered, lent } = this.#options;
    const ids = numbered || several ? lent.ints(rows, keys.length === 0) : null;
    const first = Math.min(count, aggregatesPerLoop);
    if (keys.length === 0) this.#runWhole(rows, entry, body(0, first));
    else this.#runGrouped(keys, rows, entry, ids, this.#folding(body(0, first)));
    for (let from = first; from < count; from += aggregatesPerLoop) {
      const more = body(from, Math.min(count, from + aggregatesPerLoop));
      if (keys.length === 0) this.#runWhole(rows, entry, more);
      else this.#loop(binder => `const g=${binder.bind(ids)}[i];`, more, 0, rows, entry, null);
    }
    return numbered ? ids : null;
  }

  #runGrouped(
    keys: readonly Column[],
    rows: number,
    entry: number,
    ids: Int32Array | null,
    body: Body,
  ): void {
    const tier = this.#tierFor(keys, rows, ids !== null);
    this.#state.reserve(tier.places, !tier.births);
    for (let from = 0; ; ) {
      from = this.#pass(tier, body, from, rows, entry, ids);
      if (from === rows) return;
      tier.grow();
      this.#state.reserve(tier.places, !tier.births);
    }
  }

  /** Without a look at whether each row's group is new, when that can be told otherwise. */
  #pass(
    tier: KeyTier,
    body: Body,
    from: number,
    rows: number,
    entry: number,
    ids: Int32Array | null,
  ): number {
    const known = tier.known ?? null;
    const plain = (binder: Binder) => tier.text(binder, tier.births && this.#state.birthText());
    if (known === null || ids !== null) return this.#loop(plain, body, from, rows, entry, ids);
    const { witness } = this.#state;
    if (witness !== null && !this.#noted) {
      this.#unseen = true;
      this.#addKnown(known, body, from, rows, entry);
      return rows;
    }
    const met = tier.state[0]! >= known.groups;
    if (witness !== null && known.groups <= fewGroups && rows - from > lookedRows) {
      if (!met) this.#loop(plain, () => '', from, from + lookedRows, entry, null, known.groups);
      this.#addKnown(known, body, from, rows, entry);
      // The places of groups that came later have their numbers, but were not noted in their turn.
      tier.complete!(...this.#state.witnessed());
      return rows;
    }
    if (known.groups > fewGroups || this.specs.length > fewAggregates)
      return this.#loop(plain, body, from, rows, entry, null);
    const next = met ? from : this.#loop(plain, body, from, rows, entry, null, known.groups);
    if (next < rows) this.#addKnown(known, body, next, rows, entry);
    return rows;
  }

  /** Rows whose groups need not be noted. */
  #addKnown(known: KnownGroups, body: Body, from: number, rows: number, entry: number): void {
    const cells = this.#added === null ? null : known.cells();
    const fold = this.#folding(() => '');
    const touch = (touched: Uint8Array) => {
      if (fold(() => '', new Binder(), null) === '') return;
      const key = (binder: Binder) => `if(${binder.bind(touched)}[i]===0)continue;const g=i;`;
      this.#loop(key, fold, 0, touched.length, entry, null);
    };
    const done =
      cells === null
        ? noSlots
        : this.#words.add(this.specs, this.#state, this.#added!, cells, from, rows, touch);
    if (hasAll(this.#state.layout, done)) return;
    for (const plane of this.#state.planes()) {
      const left: Plane | null =
        done.size === 0 ? plane : slot => !done.has(slot) && (plane === null || plane(slot));
      this.#loop(known.text, (at, binder) => body(at, binder, left), from, rows, entry, null);
    }
  }

  /** Finds the groups that were not noted. */
  #discover(): void {
    if (!this.#unseen) return;
    this.#unseen = false;
    this.#tier!.discover!(...this.#state.witnessed());
  }

  /** `enough`: groups after which it stops. */
  #loop(
    keyText: (binder: Binder) => string,
    body: Body,
    from: number,
    rows: number,
    entry: number,
    ids: Int32Array | null,
    enough = -1,
  ): number {
    const binder = new Binder();
    const { layout } = this.#state;
    const key = keyText(binder);
    const text = body(slot => slotText(layout, slot), binder, null);
    const store = ids === null ? '' : 'ids[i]=g;';
    const row = `{${key}${store}${text === '' ? '' : baseText(layout)}\n${text}\n}`;
    const loop = rowLoop(row, binder, enough, rows - from);
    const { state, capacity } = this.#tier!;
    const { numbers, totals, lasts, ints } = this.#state;
    const bounds = [from, rows, capacity, entry, this.#born] as const;
    return loop(binder.values, state, numbers, totals, lasts, ...bounds, ids, ints);
  }

  #runWhole(rows: number, entry: number, body: Body): void {
    const fold = (at: SlotText) => this.#foldText(at);
    runWhole(this.#state, fold, (at, binder) => body(at, binder, null), rows, entry);
  }

  #tierFor(keys: readonly Column[], rows: number, numbered: boolean): KeyTier {
    const old = this.#tier;
    if (old?.admit(keys, rows)) return old;
    const { keys: types, tier: forced, expected = 0, lent, domains } = this.#options;
    this.#show({ ...this.#state.layout.flags, narrow: false });
    this.#discover();
    this.#state.witness = null;
    const groups = old?.state[0] ?? 0;
    const known = groups === 0 ? null : old!.keyColumns();
    const makers: Record<TierKind, () => KeyTier> = {
      dense: () => new DenseTier(types, known, numbered ? 0 : this.#state.layout.width, lent, domains),
      packed: () => new PackedTier(types, known, expected, lent, domains),
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
      } else if (kind === 'dense' && !numbered && this.#state.places === 0) {
        this.#noted = tier.places <= fewGroups;
        // Merged states may count no rows.
        if (!this.#options.merging) this.#beginDense();
      }
      this.#tier = tier;
      return tier;
    }
    throw new Error('volley bug: the last tier takes everything');
  }

  /** Of a dense tier that was just made: what tells which places have a group, and the narrowest layout. */
  #beginDense(): void {
    const { flags } = this.#state.layout;
    const narrow = layoutOf(this.specs, { ...flags, narrow: true }, false);
    // What stays in the innermost cache is as fast as it is.
    const small = !this.#noted && this.#most < mostInt && !this.#filtered.includes(true);
    const witness = small ? witnessOf(this.specs, narrow, this.#filtered) : null;
    if (witness !== null) this.#state.relay(narrow, null, 0);
    this.#state.witness = witness ?? witnessOf(this.specs, this.#state.layout, this.#filtered);
  }

  /** Takes the groups of another tier over, in their order, and their numbers. */
  #move(from: KeyTier, to: KeyTier, known: readonly Column[], groups: number): void {
    this.#state.gather(from.order(), groups);
    // Another order: any group may be of an earlier entry.
    this.#born = groups;
    if (to.kind !== 'table') {
      to.admit(known, groups);
      numberGroups(to, groups);
    }
    const order = to.order();
    if (order !== null) this.#state.scatter(order, groups, to.places);
  }

  #show(flags: LayoutFlags): void {
    if (sameFlags(flags, this.#state.layout.flags)) return;
    this.#discover();
    this.#state.witness = null;
    this.#state.relay(layoutOf(this.specs, flags, this.#options.merging), this.order(), this.count);
  }
}
