import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../core/base/version.js';
import { type Outcome, runCases } from './fixtures/run-cases.js';

// Goal: the same functions give the same result, or the same refusal, however the program that ships them was built.

const run = promisify(execFile);
const code = 'FUNCTION_NOT_SHIPPABLE';
const captured = (...names: string[]): Outcome => ({ refused: { code, reason: 'captured', names } });
const refused = (reason: string): Outcome => ({ refused: { code, reason, names: [] } });

const expected: Record<string, Outcome> = {
  'plain arrow': { value: 3 },
  'function declaration': { value: 120 },
  'async with await': { value: 'waited' },
  'default parameters': { value: [1, 2, [7]] },
  destructuring: { value: { a: 1, c: 2, d: [3, 4] } },
  'named recursion': { value: 55 },
  globals: { value: [3, '{"n":2}', '2,000', 'function', '6869'] },
  'nested arrows see outer parameters': { value: [11, 21] },
  'shorthand method': { value: 12 },
  'async shorthand method': { value: 'later x' },
  'package imported inside': { value: 6 },
  'builtin imported inside': { value: 40 },
  'import task': { value: 119 },
  'import task with package': { value: { rows: 4, calls: 2 } },
  'throws its own error': {
    threw: { name: 'RangeError', message: 'bad luck', code: 'E_OWN', detail: 'luck' },
  },
  'task context': { value: 3 },
  'named helpers inside': { value: ['twice', 12, 8, 'Box'] },
  'using declaration': { value: ['body', 'b', 'a'] },
  'captured constant': captured('threshold'),
  'captured object and function': captured('isLarge', 'scale'),
  'captured import': captured('double', 'vat'),
  'captured namespace': captured('rates'),
  'captured in a default': captured('threshold'),
  bound: refused('bound'),
  native: refused('native'),
  class: refused('class'),
  generator: refused('generator'),
  'import.meta': refused('keyword'),
  'relative import': refused('relative-import'),
};

let folder = '';
let compiled = '';

beforeAll(async () => {
  // Below the package, so that packages resolve from the compiled files as they do from dist/.
  const cache = join(packageRoot, 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'volley-shipping-'));
  const tsc = join(packageRoot, 'node_modules', '.bin', 'tsc');
  const fixtures = join(packageRoot, 'test', 'shipping', 'fixtures');
  const files = ['main.ts', 'thread.ts', 'pricing.ts'].map(name => join(fixtures, name));
  const target = [
    '--target',
    'es2023',
    '--lib',
    'es2023,esnext.disposable',
    '--module',
    'nodenext',
    '--types',
    'node',
  ];
  const checks = ['--skipLibCheck', '--verbatimModuleSyntax', '--ignoreConfig', '--noCheck'];
  await run(tsc, [...files, ...target, ...checks, '--rootDir', packageRoot, '--outDir', folder]);
  compiled = join(folder, 'test', 'shipping', 'fixtures');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function outcomesOf(args: readonly string[]): Promise<Record<string, Outcome>> {
  const options = { cwd: packageRoot, maxBuffer: 1 << 24 };
  const { stdout } = await run(process.execPath, [...args, join(compiled, 'thread.js')], options);
  return JSON.parse(stdout);
}

describe('the same functions', () => {
  test('from compiled files', async () => {
    expect(await outcomesOf([join(compiled, 'main.js')])).toEqual(expected);
  });

  test('from TypeScript, run by tsx', async () => {
    const main = join(packageRoot, 'test', 'shipping', 'fixtures', 'main.ts');
    expect(await outcomesOf(['--import', 'tsx', main])).toEqual(expected);
  });

  test('from vitest', async () => {
    // vitest names the export that is used, where the source names the namespace.
    const here = { ...expected, 'captured namespace': captured('double') };
    expect(await runCases(join(compiled, 'thread.js'))).toEqual(here);
  });

  test('from a minified bundle that keeps names', async () => {
    const file = join(compiled, 'bundle.mjs');
    await build({
      entryPoints: [join(packageRoot, 'test', 'shipping', 'fixtures', 'main.ts')],
      outfile: file,
      bundle: true,
      minify: true,
      keepNames: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
    });
    const outcomes = await outcomesOf([file]);
    for (const [name, want] of Object.entries(expected)) {
      // Captured variables have the minifier's names there, and so have Volley's exports and the tools' own calls.
      const renamed = ['task context', 'named helpers inside', 'using declaration'].includes(name);
      const refusedThere = renamed || 'refused' in want;
      if (refusedThere) expect(outcomes[name], name).toMatchObject({ refused: { code } });
      else expect(outcomes[name], name).toEqual(want);
    }
  });
});
