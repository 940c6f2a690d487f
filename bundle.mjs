/**
 * npm run build, after the type declarations: bundles what runs. Loading one file instead of two hundred halves the time
 * of `import 'volley'`, of a command and of a thread's start. Every file that starts in a process or thread of its own
 * keeps its place under dist/ (core/base/entries.ts); what they share goes into dist/shared/. Packages stay packages.
 */
import { rmSync } from 'node:fs';
import { build } from 'esbuild';

const folder = new URL('./dist/', import.meta.url);
rmSync(new URL('shared/', folder), { recursive: true, force: true });
await build({
  entryPoints: [
    'index.ts',
    'cli/main.ts',
    'cli/script-loader.ts',
    'cli/script-hooks.ts',
    'worker/shell/engine-main.ts',
    'worker/shell/supervisor.ts',
    'worker/pool/thread.ts',
    'bench/main.ts',
    'examples/flights.ts',
  ],
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  sourcemap: 'linked',
  outbase: '.',
  outdir: 'dist',
  chunkNames: 'shared/[name]-[hash]',
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 110,
  logLevel: 'warning',
});
