import type { TemplateKind } from '../../../core/graph/layer.js';

export interface KitOptions {
  workers?: number;
  threads?: number;
  labels?: Record<string, string>[];
  resources?: Record<string, number>;
  systemRetries?: number;
  /** Of every template. Default 'function'. */
  kind?: TemplateKind;
}

export interface Finish {
  attempt?: number;
  worker?: number;
  rows?: number;
  bytes?: number;
  ms?: number;
  inline?: Uint8Array;
}
