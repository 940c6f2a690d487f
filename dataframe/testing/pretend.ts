import type { Executor } from '../../core/graph/executor.js';
import type { Schema } from '../column/datatype.js';
import type { PlanOptions } from '../distribute/constants.js';
import { explainStages } from '../distribute/run.js';
import { DataFrame } from '../frame.js';
import type { ScanInspection, ScanSpec, Split } from '../io/source.js';
import { optimize } from '../optimizer/optimize.js';
import type { Rule } from '../optimizer/rule.js';
import { analyze } from '../plan/analyze.js';
import { explainPlan } from '../plan/explain.js';
import type { Plan } from '../plan/plan.js';
import { verbsOf } from '../plan/verb.js';

/** Frames over Parquet files that were never there: for tests of plans, which see schemas and sizes only. */

export interface PretendSplit {
  readonly rows?: number;
  readonly bytes?: number;
  readonly statistics?: Split['statistics'];
}

const inspections = new WeakMap<ScanSpec, ScanInspection>();

const nowhere: Executor = {
  openJob: name => {
    throw new Error(`a pretend frame cannot run ${name}`);
  },
};

/** A frame over `name` with this schema and these splits (default: two of 100 rows and 1,000 bytes). */
export function pretendFrame(
  name: string,
  schema: Schema,
  splits: readonly PretendSplit[] = [{}, {}],
): DataFrame {
  const scan: ScanSpec = {
    format: 'parquet',
    paths: [name],
    csv: null,
    columns: null,
    predicate: null,
    schema: null,
  };
  inspections.set(scan, {
    schema,
    splits: splits.map(({ rows = 100, bytes = 1000, statistics = null }, rowGroup) => {
      return { path: name, rowGroup, start: 0, end: 0, rows, bytes, statistics };
    }),
  });
  return new DataFrame({ executor: nowhere }, { verb: { kind: 'scan', scan } });
}

export function analyzed(frame: DataFrame): Plan {
  const scans = new Map<ScanSpec, ScanInspection>();
  for (const verb of verbsOf(frame.verb)) {
    if (verb.kind === 'scan') scans.set(verb.scan, inspections.get(verb.scan)!);
  }
  return analyze(frame.verb, { scans, tables: new Map(), pivots: new Map() });
}

/** The analyzed plan, after these rules (none: as it was asked for). */
export function planText(frame: DataFrame, ...rules: Rule[]): string {
  return explainPlan(optimize(analyzed(frame), rules));
}

/** The stages of the optimized plan. */
export function stagesText(frame: DataFrame, options: PlanOptions = {}): Promise<string> {
  return explainStages(optimize(analyzed(frame)), options);
}
