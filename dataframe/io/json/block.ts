import { type Places, placesFor } from './objects.js';

/** Records stepped over before their columns are converted: where their values lie stays in the cache. */
const blockRecords = 2048;
/** Values of them. */
const blockValues = 262_144;

/** What was found in a run of records: a row each. */
export class RecordBlock {
  readonly capacity: number;
  readonly places: Places;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** What is wrong with a record; null: nothing so far. */
  readonly problems: (string | null)[] = [];
  count = 0;
  /** Records with a problem. */
  bad = 0;

  constructor(columns: number) {
    this.capacity = Math.max(1, Math.min(blockRecords, Math.floor(blockValues / Math.max(1, columns))));
    this.places = placesFor(columns, this.capacity);
    this.from = new Int32Array(this.capacity);
    this.to = new Int32Array(this.capacity);
  }

  clear(): void {
    this.count = 0;
    this.bad = 0;
    this.problems.length = 0;
    this.places.kinds.fill(0);
  }

  add(from: number, to: number, problem: string | null): void {
    const r = this.count++;
    this.from[r] = from;
    this.to[r] = to;
    this.problems[r] = problem;
    if (problem !== null) this.bad++;
  }

  reject(r: number, problem: string): void {
    if (this.problems[r] === null) this.bad++;
    this.problems[r] ??= problem;
  }
}
