import type { IoEnv } from './source.js';

/** ignoreErrors drops rows; that it did is never silent. */
export function reportSkipped(path: string, rows: number, env: IoEnv): void {
  if (env.skippedRows !== undefined) env.skippedRows(path, rows);
  else process.emitWarning(`volley: ignoreErrors skipped ${rows} bad rows of ${path}`);
}
