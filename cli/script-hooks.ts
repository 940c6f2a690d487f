import type { ResolveHook } from 'node:module';

/**
 * A module hook of `volley run`: the script's own TypeScript files are ES modules, whatever the package.json above
 * them says or leaves out. Otherwise a script in a folder fresh from `npm init` could not await at its top level.
 */
export const resolve: ResolveHook = async (specifier, context, nextResolve) => {
  const resolved = await nextResolve(specifier, context);
  const typeScript = /^file:(?!.*\/node_modules\/).*\.tsx?(?:\?|$)/.test(resolved.url);
  return typeScript && resolved.format === 'commonjs' ? { ...resolved, format: 'module' } : resolved;
};
