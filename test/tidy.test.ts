import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../core/base/version.js';

/** Rules of the house, enforced: import arrows, purity of state/, sizes that may only shrink, no dead files. */

const layers: Record<string, readonly string[]> = {
  proto: [],
  core: ['proto'],
  scheduler: ['core'],
  dataframe: ['core'],
  worker: ['core', 'dataframe'],
  session: ['core', 'scheduler', 'dataframe', 'worker'],
  cli: ['core', 'scheduler', 'dataframe', 'worker', 'session'],
  'index.ts': ['core', 'dataframe', 'session'],
};
const anywhere = new Set(['test', 'bench', 'examples']);

/** Files over the limit of 400 lines, by decision, with their ceiling: it may be lowered, never raised. */
const longFiles: Record<string, number> = {};
/** The same for functions over 70 lines: `file:name`. */
const longFunctions: Record<string, number> = {};
const maxFileLines = 400;
const maxFunctionLines = 70;

/** Where a process or thread starts, or a person does: imported by nobody. */
const entryFiles = new Set([
  'index.ts',
  'vitest.config.ts',
  'cli/main.ts',
  'cli/script-loader.ts',
  'cli/script-hooks.ts',
  'worker/shell/engine-main.ts',
  'worker/pool/thread.ts',
  'bench/main.ts',
  'test/services.ts',
]);

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: packageRoot,
  encoding: 'utf8',
})
  .split('\n')
  .filter(file => file !== '' && !file.startsWith('proto/generated/') && existsSync(join(packageRoot, file)));
const sources = new Map(files.map(file => [file, readFileSync(join(packageRoot, file), 'utf8')]));
const isTest = (file: string) =>
  file.endsWith('.test.ts') || file.includes('/testing/') || file.startsWith('test/');
const importPattern = /(?:from\s+|import\s+|import\()\s*'(\.[^']+)'/g;

/** Relative imports of a file, as repository paths. */
function importsOf(file: string): string[] {
  return [...sources.get(file)!.matchAll(importPattern)].map(match =>
    normalize(join(dirname(file), match[1]!)).replace(/\.js$/, '.ts'),
  );
}

const roomOf = (file: string) => file.split('/')[0]!;

describe('import arrows', () => {
  test('go one way only', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const room = roomOf(file);
      const allowed = layers[room];
      if (allowed === undefined || isTest(file)) continue;
      for (const target of importsOf(file)) {
        const to = roomOf(target);
        if (to !== room && to !== '..' && !allowed.includes(to)) wrong.push(`${file} → ${target}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('every room is known', () => {
    const unknown = files.filter(
      f => !(roomOf(f) in layers) && !anywhere.has(roomOf(f)) && f !== 'vitest.config.ts',
    );
    expect(unknown).toEqual([]);
  });

  test('product code does not import tests', () => {
    const wrong = files
      .filter(file => !isTest(file))
      .flatMap(file =>
        importsOf(file)
          .filter(isTest)
          .map(target => `${file} → ${target}`),
      );
    expect(wrong).toEqual([]);
  });
});

describe('state/ is pure', () => {
  const impure = [
    /\bDate\.now\b/,
    /\bnew Date\b/,
    /\bperformance\b/,
    /\bMath\.random\b/,
    /\bawait\b/,
    /\basync\b/,
    /\bset(?:Timeout|Interval|Immediate)\b/,
    /\bprocess\.(?!env\.NODE_ENV)/,
    /from 'node:/,
  ];
  test.each(files.filter(f => /\/state\//.test(f) && !isTest(f)))('%s', file => {
    const code = withoutComments(sources.get(file)!);
    expect(impure.filter(pattern => pattern.test(code)).map(String)).toEqual([]);
  });
});

test('one place compiles code', () => {
  const users = files.filter(f => !isTest(f) && /\bnew Function\b/.test(withoutComments(sources.get(f)!)));
  expect(users.filter(f => !f.startsWith('dataframe/codegen/') && f !== 'core/client/revive.ts')).toEqual([]);
});

test('no file is dead', () => {
  const used = new Set(files.flatMap(importsOf));
  const dead = files.filter(
    f => !used.has(f) && !isTest(f) && !entryFiles.has(f) && !f.startsWith('examples/'),
  );
  expect(dead).toEqual([]);
});

test('no util or helpers folder', () => {
  expect(files.filter(f => /\/(?:utils?|helpers?)\//.test(f))).toEqual([]);
});

test('no skipped, focused or retried test', () => {
  const pattern = /\b(?:test|it|describe)\.(?:skip|skipIf|runIf|todo|only|fails)\b|\bretry:/;
  expect(
    files.filter(f => f.endsWith('.test.ts') && f !== 'test/tidy.test.ts' && pattern.test(sources.get(f)!)),
  ).toEqual([]);
});

test('files stay short', () => {
  const long = files
    .map(file => [file, sources.get(file)!.split('\n').length - 1] as const)
    .filter(([file, lines]) => lines > (longFiles[file] ?? maxFileLines));
  expect(long).toEqual([]);
});

test('functions stay short', () => {
  const long: string[] = [];
  for (const file of files.filter(f => !isTest(f))) {
    for (const [name, lines] of functionsOf(sources.get(file)!)) {
      const key = `${file}:${name}`;
      if (lines > (longFunctions[key] ?? maxFunctionLines)) long.push(`${key} has ${lines} lines`);
    }
  }
  expect(long).toEqual([]);
});

/** Top-level functions and class members by the formatter's layout: a header at indent 0 or 2, its brace at the same. */
function functionsOf(source: string): [name: string, lines: number][] {
  const found: [string, number][] = [];
  const lines = source.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const header =
      /^(?<indent> {2})?(?:export )?(?:default )?(?:async )?function\*? (?<name>\w+)/.exec(lines[i]!) ??
      /^(?<indent> {2})(?:(?:private|protected|public|static|override|async|get|set) )*\*?(?<name>\w+)\(/.exec(
        lines[i]!,
      );
    const name = header?.groups?.name;
    if (name === undefined || ['if', 'for', 'while', 'switch', 'return'].includes(name)) continue;
    // A call, or what has no body.
    if (lines[i]!.endsWith(';')) continue;
    const indent = header?.groups?.indent ?? '';
    const end = lines.findIndex(
      (line, k) => k >= i && line.startsWith(`${indent}}`) && !line.startsWith(`${indent}})`),
    );
    if (end >= i) found.push([name, end - i + 1]);
  }
  return found;
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}
