import { VolleyError } from '../base/errors.js';

/** Names an export of a module as a task. */
export interface ImportedTask {
  readonly url: string;
  readonly name: string;
}

/** Marks the handles; shared by all copies of this module in a process. */
const brand = Symbol.for('volley.import-task');

/**
 * A task that lives in a module of its own, with its imports and closures. The module (TypeScript too) is bundled with
 * the project's files it imports and travels as a whole; packages are imported on the worker. Its top level runs once
 * in each thread, so it should hold only what the tasks need.
 *
 * Called here, the handle imports the module and calls the function.
 */
// biome-ignore lint/suspicious/noExplicitAny: the default for callers who do not name the function's type
export function importTask<F extends (...args: any[]) => any = (...args: any[]) => Promise<any>>(
  moduleUrl: string | URL,
  exportName: string,
): F {
  const url = String(moduleUrl);
  if (!url.startsWith('file:')) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `importTask() takes the URL of a file, such as import.meta.url; this is ${url}`,
      {
        url,
      },
    );
  }
  const handle = async (...args: unknown[]): Promise<unknown> => {
    const module = (await import(url)) as Record<string, unknown>;
    return pickExport(module, exportName)(...args);
  };
  Object.defineProperty(handle, 'name', { value: exportName });
  Object.defineProperty(handle, brand, { value: { url, name: exportName } satisfies ImportedTask });
  return handle as F;
}

/** What importTask() was given, or null for other functions. */
export function importedTask(fn: Function): ImportedTask | null {
  return (fn as Function & { [brand]?: ImportedTask })[brand] ?? null;
}

/** The exported function of that name. */
export function pickExport(
  module: Readonly<Record<string, unknown>>,
  name: string,
): (...args: unknown[]) => unknown {
  const found = Object.hasOwn(module, name) ? module[name] : undefined;
  if (typeof found !== 'function') throw missingExport(name, Object.keys(module));
  return found as (...args: unknown[]) => unknown;
}

export function missingExport(name: string, exports: readonly string[]): VolleyError {
  const list = exports.length === 0 ? 'nothing' : exports.map(item => `\`${item}\``).join(', ');
  return new VolleyError(
    'NOT_FOUND',
    `importTask: the module exports no function \`${name}\`. It exports ${list}`,
    {
      name,
      exports: [...exports],
    },
  );
}
