import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that holds package.json: the same one from sources and from dist/. */
export const packageRoot: string = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

/** Volley's own version. Head, workers and clients must agree on it exactly. */
export const volleyVersion: string = JSON.parse(
  readFileSync(join(packageRoot, 'package.json'), 'utf8'),
).version;

/** Raised by every change of proto/volley.proto or of what its bytes fields hold. */
export const protocolVersion = 8;

function findPackageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    try {
      if (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name === 'volley') return folder;
    } catch {
      // Not here; look one folder up.
    }
    if (dirname(folder) === folder) throw new Error(`volley: no package.json above ${from}`);
  }
}
