import { readFile } from 'node:fs/promises';
import type { ResolveHook } from 'node:module';

/**
 * A module hook of `volley run`: the script's own files are ES modules when they are TypeScript or read like one,
 * whatever the package.json above them says or leaves out. Otherwise a script in a folder fresh from `npm init` could
 * not await at its top level.
 */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const resolved = await nextResolve(specifier, context);
  const own = resolved.url.startsWith('file:') && !resolved.url.includes('/node_modules/');
  if (!own || resolved.format === 'module') return resolved;
  const isModule =
    /\.tsx?$/.test(resolved.url) || (resolved.url.endsWith('.js') && (await readsLikeModule(resolved.url)));
  return isModule ? { ...resolved, format: 'module' } : resolved;
};

/** An import or export at the beginning of a line. */
async function readsLikeModule(url: string): Promise<boolean> {
  return /^(?:import\s*[\w{*'"]|export\s)/m.test(await readFile(new URL(url), 'utf8'));
}
