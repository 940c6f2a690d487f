import { VolleyError } from '../../core/base/errors.js';
import { nodeCrypto } from '../../core/base/on-demand.js';
import type { Executor } from '../../core/graph/executor.js';
import { databaseOf } from '../io/postgres/relation.js';
import type { TableSinkSpec } from '../io/source.js';
import type { Verb } from '../plan/verb.js';
import { build } from './build.js';
import type { PlanOptions } from './constants.js';
import type { Progress } from './graph-runner.js';
import { withRun } from './run.js';
import { type SinkResult, writeOnce, writeParts } from './sink.js';

export interface PostgresSinkOptions {
  /**
   * 'create' (default): the table must not exist. 'append': adds to it, or creates it; other columns of it get their
   * defaults. 'replace': the table is dropped, if there is one, and made anew.
   */
  readonly mode?: 'create' | 'append' | 'replace';
  /** As of the other sinks. */
  readonly onProgress?: (progress: Progress) => void;
}

/** Writes the answer into a table, a part a partition, several at a time. It appears whole or not at all. */
export function sinkPostgres(
  verb: Verb,
  executor: Executor,
  url: string,
  table: string,
  options: PostgresSinkOptions,
  planOptions: PlanOptions,
): Promise<SinkResult> {
  const { mode = 'create' } = options;
  if (!['create', 'append', 'replace'].includes(mode)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `mode is 'create', 'append' or 'replace', not ${JSON.stringify(mode)}`,
    );
  }
  const { paths, access } = databaseOf(url, 'sinkPostgres');
  return withRun(verb, executor, 'sinkPostgres', async (plan, runner) => {
    runner.onProgress = options.onProgress ?? null;
    const spec: TableSinkSpec = {
      format: 'postgres',
      path: paths[0]!,
      access,
      table,
      mode,
      id: nodeCrypto().randomBytes(8).toString('hex'),
      role: 'part',
      parts: 0,
    };
    await writeOnce(plan.schema, { ...spec, role: 'prepare' }, runner);
    try {
      const pipeline = await build(plan, { runner, options: planOptions });
      const parts = await writeParts(pipeline, spec, runner);
      await writeOnce(plan.schema, { ...spec, role: 'commit', parts: parts.length }, runner);
      return { rows: parts.reduce((sum, { rows }) => sum + rows, 0), files: [] };
    } catch (error) {
      // The failure is what the user must hear, even when the staging table cannot be dropped either. Nobody is told of this any more.
      runner.onProgress = null;
      await writeOnce(plan.schema, { ...spec, role: 'discard' }, runner).catch(() => {});
      throw error;
    }
  });
}
