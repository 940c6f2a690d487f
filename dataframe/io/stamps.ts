import { limits } from '../../core/base/limits.js';
import { openSource, resolveSources } from './paths.js';
import type { IoEnv, ScanSpec } from './source.js';

/** Opens the files of a scan, as an inspection does, but looks into none. Null: one of them has no stamp, or all together are too long. */
export async function stampOfScan(scan: ScanSpec, env: IoEnv): Promise<string | null> {
  const files = await resolveSources(scan.paths, scan.format, env);
  const stamps: (string | null)[] = [];
  for (const file of files) {
    const { handle, stamp } = await openSource(file, env);
    await handle.close();
    if (stamp == null) return null;
    stamps.push(stamp);
  }
  return stampOf(files, stamps);
}

/** Of the files and what each of them says. Null where one says nothing, or where they are too many to be worth sending along. */
export function stampOf(files: readonly string[], stamps: readonly (string | null)[]): string | null {
  if (stamps.includes(null)) return null;
  const text = JSON.stringify([files, stamps]);
  return text.length > limits.scanStampChars ? null : text;
}
