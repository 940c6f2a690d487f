import { groupbyQuestions } from '../questions/groupby.js';
import { joinQuestions } from '../questions/join.js';
import type { Question } from '../questions/question.js';
import { scanQuestions } from '../questions/scan.js';
import { loadDuckdb } from './duckdb.js';
import { type LoadedSystem, type SystemJob, serveSystem } from './protocol.js';
import { loadVolley } from './volley.js';

export const questionsOf: Readonly<Record<string, readonly Question[]>> = {
  groupby: groupbyQuestions,
  join: joinQuestions,
  scan: scanQuestions,
};

const loaders: Readonly<
  Record<string, (job: SystemJob, questions: readonly Question[]) => Promise<LoadedSystem>>
> = {
  volley: loadVolley,
  duckdb: loadDuckdb,
};

/** What the process of a system does: `main.js system NAME JOB`. */
export function runSystem(name: string, job: SystemJob): Promise<void> {
  return serveSystem(() => loaders[name]!(job, questionsOf[job.bench]!));
}
