import { limits } from '../base/limits.js';
import type { TemplateSpec } from './layer.js';

/** What was measured of templates, from one job to the next: equal templates of different jobs share it. */
export class KnownTemplates<M> {
  /** The one that came last at the end. */
  readonly #known = new Map<string, M>();

  get size(): number {
    return this.#known.size;
  }

  /** `unmeasured` makes what is kept of a template that was not seen before. */
  of({ kind, name, body }: TemplateSpec, unmeasured: () => M): M {
    if (body.byteLength > limits.knownTemplateBytes) return unmeasured();
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
    const key = `${kind} ${name} ${text}`;
    const measured = this.#known.get(key) ?? unmeasured();
    this.#known.delete(key);
    this.#known.set(key, measured);
    if (this.#known.size > limits.knownTemplates) this.#known.delete(this.#known.keys().next().value!);
    return measured;
  }
}
