import type { ErrorCode } from '../base/errors.js';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';

/** An error taken apart. `cause`, `errors` and the values of `properties` are still what the thrower put there. */
export interface ErrorParts {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string | number;
  readonly cause?: unknown;
  readonly errors?: readonly unknown[];
  readonly properties: readonly (readonly [string, unknown])[];
}

const builtins: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

const ownParts = new Set(['name', 'message', 'stack', 'code', 'cause', 'errors', 'task']);

/** Reads every part once; a getter that throws counts as absent, so that reporting an error never hides it. */
export function takeApart(error: Error): ErrorParts {
  const code = read(error, 'code');
  const members = read(error, 'errors');
  const name = className(error);
  const message = text(read(error, 'message'));
  const properties: [string, unknown][] = [];
  for (const key of Object.keys(error).slice(0, limits.failureProperties)) {
    if (!ownParts.has(key)) properties.push([key, read(error, key)]);
  }
  return {
    name,
    message,
    stack: stackOf(error, name, message),
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    cause: read(error, 'cause'),
    errors: Array.isArray(members) ? members.slice(0, limits.failureMembers) : undefined,
    properties,
  };
}

/**
 * An Error again: an instance of the builtin class of that name, a VolleyError, or, for classes this side does
 * not have, an Error whose `name` and constructor name are the remote class's.
 */
export function rebuild(parts: ErrorParts): Error {
  const options = parts.cause === undefined ? undefined : { cause: parts.cause };
  const error = construct(parts, options);
  hide(error, 'stack', parts.stack);
  if (parts.code !== undefined && !(error instanceof VolleyError)) set(error, 'code', parts.code);
  for (const [key, value] of parts.properties) {
    if (!ownParts.has(key) && !(error instanceof VolleyError && key === 'data')) set(error, key, value);
  }
  return error;
}

function construct(parts: ErrorParts, options: ErrorOptions | undefined): Error {
  const { name, message } = parts;
  if (name === 'VolleyError') {
    const data = parts.properties.find(entry => entry[0] === 'data')?.[1];
    const record = typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
    return new VolleyError(parts.code as ErrorCode, message, record, options);
  }
  if (name === 'AggregateError') return new AggregateError(parts.errors ?? [], message, options);
  const builtin = Object.hasOwn(builtins, name) ? builtins[name] : undefined;
  if (builtin !== undefined) return withMembers(new builtin(message, options), parts);
  const error = new (remoteClass(name))(message, options);
  hide(error, 'name', name);
  return withMembers(error, parts);
}

function withMembers(error: Error, parts: ErrorParts): Error {
  if (parts.errors !== undefined) hide(error, 'errors', parts.errors);
  return error;
}

/** Stand-ins by name, so that `error.constructor.name` and inspect() show the class that was thrown. */
const remoteClasses = new Map<string, ErrorConstructor>();

function remoteClass(name: string): ErrorConstructor {
  const known = remoteClasses.get(name);
  if (known !== undefined) return known;
  const made = { [name]: class extends Error {} }[name] as unknown as ErrorConstructor;
  if (remoteClasses.size < limits.remoteErrorClasses) remoteClasses.set(name, made);
  return made;
}

/** The class's name where the class forgot to set `name`; Node's own errors keep theirs. */
function className(error: Error): string {
  const name = text(read(error, 'name')) || 'Error';
  if (!Object.hasOwn(builtins, name)) return name;
  const maker = read(error, 'constructor');
  const own = typeof maker === 'function' ? maker.name : '';
  return own === '' || own === 'NodeError' ? name : own;
}

/** V8 writes the stack's first line before a class can set its name: put the right one there. */
function stackOf(error: Error, name: string, message: string): string {
  const stack = text(read(error, 'stack'));
  if (stack === '') return message === '' ? name : `${name}: ${message}`;
  if (name === 'Error' || stack.startsWith(name)) return stack;
  const header = /^(?:Uncaught )?[A-Za-z]*Error(?= \[|:|\n|$)/.exec(stack);
  return header === null ? stack : name + stack.slice(header[0].length);
}

function read(from: object, key: string): unknown {
  try {
    return (from as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  if (typeof value !== 'string') return '';
  if (value.length <= limits.failureTextChars) return value;
  return `${value.slice(0, limits.failureTextChars)}… (${value.length} characters)`;
}

function set(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: true, writable: true, configurable: true });
}

function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: false, writable: true, configurable: true });
}
