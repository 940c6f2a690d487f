import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExportNamedDeclaration, Identifier, ImportDeclaration, Literal, Program } from 'acorn';
import type { BuildOptions } from 'esbuild';
import { limits } from '../base/limits.js';
import { acorn } from '../base/on-demand.js';
import { missingExport } from './import-task.js';
import { refuse } from './ship-refusal.js';

interface Bundle {
  readonly source: string;
  readonly exports: readonly string[];
}

/** Modules are loaded once by a process, so they are bundled once. */
const bundles = new Map<string, Bundle>();

/**
 * A module and the project files it imports as one text: the body of an async function that returns the exports.
 * Not a module, because a module would need a file in the worker's project (data: URLs cannot import packages), and a
 * worker may run on a read-only disk. Packages stay imports, resolved from the worker's project root.
 */
export function bundleModule(url: string, exportName: string): string {
  let bundle = bundles.get(url);
  if (bundle === undefined) {
    bundle = toFunctionBody(build(url, exportName), exportName);
    if (bundles.size < limits.revivedFunctions) bundles.set(url, bundle);
  }
  if (!bundle.exports.includes('*') && !bundle.exports.includes(exportName)) {
    throw missingExport(exportName, bundle.exports);
  }
  return bundle.source;
}

function build(url: string, exportName: string): string {
  // Loaded when first needed: starting without importTask() must not cost esbuild's start.
  const esbuild = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const file = sourceFile(fileURLToPath(url.replace(/[?#].*$/, '')));
  const options: BuildOptions & { write: false } = {
    entryPoints: [file],
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    keepNames: true,
    write: false,
    logLevel: 'silent',
    define: {
      'import.meta.url': JSON.stringify(url),
      'import.meta.filename': JSON.stringify(file),
      'import.meta.dirname': JSON.stringify(dirname(file)),
    },
  };
  try {
    return esbuild.buildSync(options).outputFiles[0]!.text;
  } catch (error) {
    throw refuse(exportName, 'module', `its module could not be bundled: ${(error as Error).message}`, {
      url,
    });
  }
}

/** TypeScript sources name their neighbours `x.js`; run by tsx or vitest, only `x.ts` is there. */
function sourceFile(file: string): string {
  if (existsSync(file) || !/\.[cm]?js$/.test(file)) return file;
  const typescript = file.replace(/js$/, 'ts');
  return existsSync(typescript) ? typescript : file;
}

/** Static imports become dynamic ones at the top, and the export list the returned object. */
function toFunctionBody(text: string, exportName: string): Bundle {
  const program: Program = acorn().parse(text, { ecmaVersion: 'latest', sourceType: 'module' });
  const imports: string[] = [];
  const exports = new Map<string, string>();
  const spreads: string[] = [];
  let body = '';
  let at = 0;
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') imports.push(dynamicImport(node));
    else if (node.type === 'ExportAllDeclaration') {
      const module = `await import(${node.source.raw})`;
      if (node.exported) exports.set(nameOf(node.exported), module);
      else spreads.push(`...${module}`);
    } else if (node.type === 'ExportNamedDeclaration' && !node.declaration) collectExports(node, exports);
    else if (node.type === 'ExportNamedDeclaration' || node.type === 'ExportDefaultDeclaration') {
      throw refuse(exportName, 'module', 'its bundle holds an export statement of an unknown form');
    } else continue;
    body += text.slice(at, node.start);
    at = node.end;
  }
  body += text.slice(at);
  const entries = [...exports].map(([name, value]) => `${JSON.stringify(name)}: ${value}`);
  return {
    source: `${imports.join('\n')}\n${body}\nreturn { ${[...spreads, ...entries].join(', ')} };`,
    exports: spreads.length > 0 ? ['*', ...exports.keys()] : [...exports.keys()],
  };
}

function dynamicImport(node: ImportDeclaration): string {
  const attributes = node.attributes.map(a => `${JSON.stringify(nameOf(a.key))}: ${a.value.raw}`);
  const options = attributes.length === 0 ? '' : `, { with: { ${attributes.join(', ')} } }`;
  const module = `await import(${node.source.raw}${options})`;
  const named: string[] = [];
  let namespace: string | null = null;
  for (const specifier of node.specifiers) {
    if (specifier.type === 'ImportNamespaceSpecifier') namespace = specifier.local.name;
    else if (specifier.type === 'ImportDefaultSpecifier') named.push(`default: ${specifier.local.name}`);
    else named.push(`${JSON.stringify(nameOf(specifier.imported))}: ${specifier.local.name}`);
  }
  if (namespace !== null) {
    const rest = named.length === 0 ? '' : ` const { ${named.join(', ')} } = ${namespace};`;
    return `const ${namespace} = ${module};${rest}`;
  }
  return named.length === 0 ? `${module};` : `const { ${named.join(', ')} } = ${module};`;
}

function collectExports(node: ExportNamedDeclaration, exports: Map<string, string>): void {
  for (const specifier of node.specifiers) {
    const local = nameOf(specifier.local);
    const value = node.source ? `(await import(${node.source.raw}))[${JSON.stringify(local)}]` : local;
    exports.set(nameOf(specifier.exported), value);
  }
}

function nameOf(node: Identifier | Literal): string {
  return node.type === 'Identifier' ? node.name : String(node.value);
}
