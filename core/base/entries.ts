import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { VolleyError } from './errors.js';
import { packageRoot } from './version.js';

/** Files that start in a thread or process of their own. Only compiled files cross that boundary. */
const entries = {
  cli: 'dist/cli/main.js',
  'script-loader': 'dist/cli/script-loader.js',
  engine: 'dist/worker/shell/engine-main.js',
  'pool-thread': 'dist/worker/pool/thread.js',
} as const;

export type EntryName = keyof typeof entries;

/** The absolute path of a compiled entry file. */
export function entryFile(name: EntryName): string {
  const file = join(packageRoot, entries[name]);
  if (!existsSync(file)) {
    throw new VolleyError('NOT_FOUND', `volley is not built: ${file} is missing. Type: npm run build`, {
      file,
    });
  }
  return file;
}

/** Files that were made when the package was built, for idle threads to rehearse scans with. */
export function rehearsedFiles(): string[] {
  const files = ['snappy', 'zstd'].map(codec => join(packageRoot, `dist/rehearsed-${codec}.parquet`));
  return files.filter(existsSync);
}
