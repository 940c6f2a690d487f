import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What vite, hence vitest, makes of import statements, import() and import.meta in the functions it loads. */

export const viteDynamicImport = '__vite_ssr_dynamic_import__';
export const viteImportMeta = '__vite_ssr_import_meta__';

/** Stand-ins for import statements; an imported `add` becomes `(0, __vite_ssr_import_0__.add)`. */
export function isRewrittenImport(name: string): boolean {
  return /^__(?:vite_ssr_import|vi_import)_\d+__$/.test(name);
}

/** True where vite's compiler imported its helper for `using` declarations: `var _usingCtx = (0, ….default)()`. */
export function isUsingHelper(textBefore: string, member: string): boolean {
  return member === 'default' && /\b_usingCtx\d*\s*=\s*\(0,\s*$/.test(textBefore);
}

/**
 * vite resolves `import('pkg')` when it loads the file: `/node_modules/pkg/dist/index.js`. The specifier that the user
 * wrote, found again through the package's own exports; other specifiers as they are.
 */
export function writtenSpecifier(resolved: string, root: string = process.cwd()): string {
  const match = /^(\/@fs)?(\/(?:.*\/)?)node_modules\/((?:@[^/]+\/)?[^/]+)\/([^?]+)/.exec(resolved);
  if (match === null) return resolved;
  const [, outside, above, name, file] = match as unknown as [
    string,
    string | undefined,
    string,
    string,
    string,
  ];
  const folder = join(outside === undefined ? root : '/', above, 'node_modules', name);
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return resolved;
  const { exports, main, module } = JSON.parse(readFileSync(manifest, 'utf8'));
  if (exports === undefined) {
    const entries = [main, module, 'index.js'].filter(entry => typeof entry === 'string');
    return entries.some(entry => join(entry) === join(file)) ? name : `${name}/${file}`;
  }
  const subpath = exportOf(exports, `./${file}`);
  return subpath === null ? resolved : name + subpath;
}

/** The part after the package's name under which a file is exported; null when it is not. */
function exportOf(exports: unknown, file: string): string | null {
  const isTable = typeof exports === 'object' && exports !== null && Object.keys(exports)[0]?.startsWith('.');
  const table: Record<string, unknown> = isTable ? (exports as Record<string, unknown>) : { '.': exports };
  for (const [key, value] of Object.entries(table)) {
    for (const target of targetsOf(value)) {
      if (target === file) return key.slice(1);
      const [before, after] = target.split('*') as [string, string | undefined];
      if (after === undefined || !file.startsWith(before) || !file.endsWith(after)) continue;
      return key.slice(1).replace('*', file.slice(before.length, file.length - after.length));
    }
  }
  return null;
}

/** All files an entry of `exports` may lead to, whatever the conditions. */
function targetsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(targetsOf) : [];
}
