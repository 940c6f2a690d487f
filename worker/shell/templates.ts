import { limits } from '../../core/base/limits.js';
import type { TemplateSpec } from '../../core/graph/layer.js';

import { onlyPutsTogether } from '../../dataframe/physical/fragment-body.js';

/** Bodies of the templates of live jobs: sent by the head once, asked for by each thread once. */
export class Templates {
  private readonly together = new WeakMap<TemplateSpec, boolean>();
  private readonly jobs = new Map<number, Map<number, TemplateSpec>>();

  add(spec: TemplateSpec): void {
    let job = this.jobs.get(spec.job);
    if (job === undefined) this.jobs.set(spec.job, (job = new Map()));
    job.set(spec.template, spec);
  }

  get(job: number, template: number): TemplateSpec | null {
    return this.jobs.get(job)?.get(template) ?? null;
  }

  /** Whether its tasks do no more with their inputs than put them together, one after another, whatever is in them. */
  putsTogether(job: number, template: number): boolean {
    const spec = this.get(job, template);
    if (spec === null || spec.kind !== 'fragment' || spec.body.byteLength > limits.threadTemplateBytes)
      return false;
    let known = this.together.get(spec);
    if (known === undefined) this.together.set(spec, (known = onlyPutsTogether(spec.body)));
    return known;
  }

  dropJob(job: number): void {
    this.jobs.delete(job);
  }
}
