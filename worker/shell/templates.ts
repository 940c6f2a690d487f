import { limits } from '../../core/base/limits.js';
import type { TemplateSpec } from '../../core/graph/layer.js';

import { movesRows, type RowMoves } from '../../dataframe/physical/fragment-body.js';

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

  dropJob(job: number): void {
    this.jobs.delete(job);
  }
}
