import { limits } from '../../core/base/limits.js';
import type { TemplateSpec } from '../../core/graph/layer.js';
import { movesRows, type RowMoves } from '../../dataframe/physical/fragment-body.js';
import type { InputSize } from './gather.js';

/** Bodies of the templates of live jobs: sent by the head once, asked for by each thread once. */
export class Templates {
  private readonly known = new WeakMap<TemplateSpec, RowMoves | null>();
  private readonly jobs = new Map<number, Map<number, TemplateSpec>>();

  add(spec: TemplateSpec): void {
    let job = this.jobs.get(spec.job);
    if (job === undefined) this.jobs.set(spec.job, (job = new Map()));
    job.set(spec.template, spec);
  }

  get(job: number, template: number): TemplateSpec | null {
    return this.jobs.get(job)?.get(template) ?? null;
  }

  /** What its tasks do with rows, if they do no more than move them. */
  moves(job: number, template: number): RowMoves | null {
    const spec = this.get(job, template);
    if (spec === null || spec.kind !== 'fragment' || spec.body.byteLength > limits.threadTemplateBytes)
      return null;
    let known = this.known.get(spec);
    if (known === undefined) this.known.set(spec, (known = movesRows(spec.body)));
    return known;
  }

  /**
   * About what tasks with such inputs, or the first of them, will ask memory for: there can be room for it before they ask. Null: nothing is known.
   */
  resultBytes(job: number, template: number, inputs: readonly InputSize[]): readonly number[] | null {
    const moves = this.moves(job, template);
    // As many rows as come in go out.
    if (moves !== null) return inputs.map(({ rows, bytes }) => bytes + rows * moves.narrowBytes);
    if (this.get(job, template)?.kind !== 'fragment') return null;
    // States of groups, or few rows. What is copied instead crosses two heaps, to the engine and to its reader, and has V8 collect garbage.
    return inputs.slice(0, limits.guessedRooms).map(() => limits.copiedResultBytes);
  }

  dropJob(job: number): void {
    this.jobs.delete(job);
  }
}
