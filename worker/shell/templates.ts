import type { TemplateSpec } from '../../core/graph/layer.js';

/** Bodies of the templates of live jobs: sent by the head once, asked for by each thread once. */
export class Templates {
  private readonly jobs = new Map<number, Map<number, TemplateSpec>>();

  add(spec: TemplateSpec): void {
    let job = this.jobs.get(spec.job);
    if (job === undefined) this.jobs.set(spec.job, (job = new Map()));
    job.set(spec.template, spec);
  }

  get(job: number, template: number): TemplateSpec | null {
    return this.jobs.get(job)?.get(template) ?? null;
  }

  dropJob(job: number): void {
    this.jobs.delete(job);
  }
}
