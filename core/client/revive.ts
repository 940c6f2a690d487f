import { join } from 'node:path';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import { nodeCrypto, vm } from '../base/on-demand.js';
import { unpackData } from '../wire/msgpack.js';
import { pickExport } from './import-task.js';
import type { TaskBody } from './ship.js';
import { toolSupport } from './ship-support.js';
import { taskContext } from './task-context.js';

/** A task's function, ready to be called in this thread. */
export type RevivedFunction = (...args: unknown[]) => unknown;

/** Revived functions and evaluated modules by content hash, least recently used first. */
const revived = new Map<string, Promise<unknown>>();

const providers: { readonly names: ReadonlySet<string>; readonly load: () => Promise<TaskGlobals> }[] = [];
type TaskGlobals = Readonly<Record<string, unknown>>;

/**
 * Makes names available inside tasks (those of allowedVolleyNames that core does not have itself). `load` is called
 * when the first function that uses one of them is revived, so a thread imports no more than its tasks need.
 */
export function provideTaskGlobals(names: readonly string[], load: () => Promise<TaskGlobals>): void {
  providers.push({ names: new Set(names), load });
}

/**
 * The function of a shipped body. Compiled once per content in a thread. `import('pkg')` inside of it resolves from
 * `projectRoot`. Rejects with DECODE for bytes that shipFunction() did not make, NOT_FOUND for a missing export.
 */
export function reviveFunction(
  body: Uint8Array,
  projectRoot: string = process.cwd(),
): Promise<RevivedFunction> {
  return once(`function ${hashOf(body)} ${projectRoot}`, () =>
    revive(body, projectRoot),
  ) as Promise<RevivedFunction>;
}

async function revive(body: Uint8Array, projectRoot: string): Promise<RevivedFunction> {
  const task = readBody(body);
  if (task.kind === 'module') {
    const key = `module ${hashOf(Buffer.from(task.source))} ${projectRoot}`;
    const module = await once(key, () => evaluateModule(task.source, task.name, projectRoot));
    return pickExport(module as TaskGlobals, task.name);
  }
  const supplied = await supply(task.uses);
  const compiled = compile(`'use strict'; return (${task.source}\n);`, task.uses, task.name, projectRoot);
  const fn = compiled(...task.uses.map(name => supplied[name])) as RevivedFunction;
  if (fn.name === '') Object.defineProperty(fn, 'name', { value: task.name, configurable: true });
  return fn;
}

function evaluateModule(source: string, name: string, projectRoot: string): Promise<unknown> {
  return compile(
    `return (async () => { 'use strict';\n${source}\n})();`,
    [],
    name,
    projectRoot,
  )() as Promise<unknown>;
}

/**
 * Compiles a function body. The file name lies in the project root because imports are resolved relative to it, by
 * Node's own loader: not relative to Volley's files, and without writing a file.
 */
function compile(text: string, parameters: readonly string[], name: string, root: string): Function {
  const options = {
    filename: join(root, `${name.replace(/[^\w$-]/g, '_')}.volley-task.mjs`),
    importModuleDynamically: vm().constants.USE_MAIN_CONTEXT_DEFAULT_LOADER as never,
  };
  if (!announced) announceOnce(vm().compileFunction("return import('node:process');", [], options) as never);
  try {
    return vm().compileFunction(text, parameters, options);
  } catch (error) {
    throw new VolleyError('DECODE', `the task \`${name}\` could not be compiled here: ${String(error)}`, {
      task: name,
    });
  }
}

let announced = false;

/**
 * Node says on stderr that USE_MAIN_CONTEXT_DEFAULT_LOADER is experimental when an import() first goes through it.
 * Users can do nothing about it, so the first one is ours, and nobody listens to it.
 */
function announceOnce(importer: () => Promise<unknown>): void {
  announced = true;
  const emit = process.emitWarning;
  process.emitWarning = () => {};
  try {
    importer().catch(() => {});
  } finally {
    process.emitWarning = emit;
  }
}

async function supply(names: readonly string[]): Promise<TaskGlobals> {
  const supplied: Record<string, unknown> = { ...toolSupport, taskContext, VolleyError };
  for (const provider of providers) {
    if (names.some(name => provider.names.has(name))) Object.assign(supplied, await provider.load());
  }
  const missing = names.filter(name => !Object.hasOwn(supplied, name));
  if (missing.length > 0) {
    throw new VolleyError('UNSUPPORTED', `this worker cannot give tasks ${missing.join(', ')}`, {
      names: missing,
    });
  }
  return supplied;
}

function readBody(body: Uint8Array): TaskBody {
  const task = unpackData<TaskBody>(body);
  const valid =
    typeof task === 'object' &&
    task !== null &&
    typeof task.name === 'string' &&
    typeof task.source === 'string' &&
    (task.kind === 'module' || (task.kind === 'function' && areNames(task.uses)));
  if (!valid) throw new VolleyError('DECODE', 'these bytes are not a shipped function');
  return task;
}

function areNames(uses: unknown): boolean {
  return (
    Array.isArray(uses) && uses.every(name => typeof name === 'string' && /^[A-Za-z_$][\w$]*$/.test(name))
  );
}

/** One run of `make` per key; what fails is tried again the next time. */
function once(key: string, make: () => Promise<unknown>): Promise<unknown> {
  const known = revived.get(key);
  revived.delete(key);
  const result = known ?? make();
  revived.set(key, result);
  if (known === undefined) {
    result.catch(() => revived.delete(key));
    if (revived.size > limits.revivedFunctions) revived.delete(revived.keys().next().value!);
  }
  return result;
}

function hashOf(bytes: Uint8Array): string {
  return nodeCrypto().createHash('sha256').update(bytes).digest('hex');
}
