import type { ImportExpression } from 'acorn';
import { limits } from '../base/limits.js';
import { nodeCrypto } from '../base/on-demand.js';
import { packData } from '../wire/msgpack.js';
import { importedTask } from './import-task.js';
import { bundleModule } from './ship-module.js';
import { kindOfName, usingHelper } from './ship-names.js';
import { refuse, refuseCaptured, taskName } from './ship-refusal.js';
import { type FreeName, type OutsideUses, outsideUses } from './ship-scope.js';
import { type ParsedFunction, parseFunction } from './ship-source.js';
import {
  isRewrittenImport,
  isUsingHelper,
  viteDynamicImport,
  viteImportMeta,
  writtenSpecifier,
} from './ship-vite.js';

/** A function as it travels. */
export interface ShippedFunction {
  /** Content hash of `body`: equal functions have equal hashes. */
  readonly hash: string;
  /** For people. */
  readonly name: string;
  /** Body of a 'function' template: what reviveFunction() takes. */
  readonly body: Uint8Array;
}

/** What `body` holds. */
export type TaskBody =
  /** `uses`: free names that the worker must supply: Volley's exports and tools' calls. */
  | {
      readonly kind: 'function';
      readonly name: string;
      readonly source: string;
      readonly uses: readonly string[];
    }
  | { readonly kind: 'module'; readonly name: string; readonly source: string };

/** A function never changes its source, so it is analysed once. */
const shipped = new WeakMap<Function, ShippedFunction>();
/** Arrows written in a loop are new functions each time, of one source. By name and source, oldest first. */
const shippedSources = new Map<string, ShippedFunction>();

/**
 * Makes a function ready to travel as source. Throws FUNCTION_NOT_SHIPPABLE when it depends on something it would not
 * find on a worker; `data.names` lists captured names as the user wrote them, `data.reason` says which rule it broke.
 */
export function shipFunction(fn: Function): ShippedFunction {
  if (typeof fn !== 'function') {
    throw refuse(String(fn), 'not-a-function', `a task is a function, and this is ${describe(fn)}`);
  }
  const known = shipped.get(fn);
  if (known !== undefined) return known;
  const task = importedTask(fn);
  const made =
    task === null
      ? shipOnce(fn)
      : seal({ kind: 'module', name: task.name, source: bundleModule(task.url, task.name) });
  shipped.set(fn, made);
  return made;
}

function shipOnce(fn: Function): ShippedFunction {
  const key = `${fn.name}\n${Function.prototype.toString.call(fn)}`;
  const known = shippedSources.get(key);
  if (known !== undefined) return known;
  const made = seal(shipSource(fn));
  shippedSources.set(key, made);
  if (shippedSources.size > limits.revivedFunctions)
    shippedSources.delete(shippedSources.keys().next().value!);
  return made;
}

function seal(content: TaskBody): ShippedFunction {
  const body = packData(content);
  if (body.byteLength > limits.shippedSourceBytes) {
    throw refuse(
      content.name,
      'too-large',
      `its source takes ${body.byteLength} of ${limits.shippedSourceBytes} bytes`,
    );
  }
  return {
    hash: nodeCrypto().createHash('sha256').update(body).digest('hex').slice(0, 32),
    name: content.name,
    body,
  };
}

function shipSource(fn: Function): TaskBody {
  const parsed = parseFunction(fn);
  const uses = outsideUses(parsed.node);
  const keyword = uses.keywords[0];
  if (keyword !== undefined) throw refuse(fn, 'keyword', keywordReason(keyword));
  for (const node of uses.imports) checkSpecifier(fn, specifierOf(node.source));
  const edits = new Edits(parsed);
  const names = classify(fn, uses, edits);
  return { kind: 'function', name: taskName(fn), source: edits.apply(), uses: names };
}

/** Sorts the free names into those the worker supplies, which are returned, and captured ones, which are refused. */
function classify(fn: Function, uses: OutsideUses, edits: Edits): readonly string[] {
  const supplied = new Set<string>();
  const captured = new Set<string>();
  for (const free of uses.names) {
    if (free.name === viteImportMeta) throw refuse(fn, 'keyword', keywordReason('import.meta'));
    if (free.name === viteDynamicImport) {
      restoreImport(fn, free, edits);
      continue;
    }
    const name = edits.nameOf(free);
    const kind = name === usingHelper ? 'tool' : kindOfName(name);
    const rewritten = isRewrittenImport(free.name);
    if (kind === 'captured' && isRenamedHelper(free))
      throw refuse(fn, 'renamed-helper', renamedReason(free.name));
    if (kind === 'captured' || (rewritten && kind === 'global')) {
      captured.add(name);
      continue;
    }
    if (kind === 'global') continue;
    supplied.add(name);
    if (rewritten && free.member !== null) edits.replace(free.start, free.member.end, name);
  }
  if (captured.size > 0) throw refuseCaptured(fn, [...captured]);
  return [...supplied].sort();
}

/** Makes vite's stand-in for import() an import() again, of what the user wrote. */
function restoreImport(fn: Function, free: FreeName, edits: Edits): void {
  edits.replace(free.start, free.end, 'import');
  const source = free.call?.arguments[0];
  const resolved = specifierOf(source);
  if (source === undefined || resolved === null) return;
  const written = writtenSpecifier(resolved);
  checkSpecifier(fn, written);
  edits.replace(source.start, source.end, JSON.stringify(written));
}

/** `x(() => …, "inner")`: esbuild's __name, renamed by a minifier. */
function isRenamedHelper(free: FreeName): boolean {
  if (free.call === null || free.name.length > 3 || free.call.arguments.length !== 2) return false;
  const [inner, label] = free.call.arguments;
  const named = ['ArrowFunctionExpression', 'FunctionExpression', 'ClassExpression', 'Identifier'];
  return named.includes(inner!.type) && label!.type === 'Literal' && typeof label.value === 'string';
}

function renamedReason(name: string): string {
  return (
    `\`${name}\` seems to be a helper that a bundler added and renamed. Build without minifying identifiers, ` +
    "or put the task in a module of its own and submit importTask(import.meta.url, 'name')"
  );
}

function keywordReason(keyword: string): string {
  if (keyword === 'import.meta') {
    return 'it uses `import.meta`, which means this file and not one on a worker: pass the URL as an argument';
  }
  return `it uses \`${keyword}\`, which means its surroundings: pass what it needs as an argument, or use an actor`;
}

function specifierOf(source: ImportExpression['source'] | { type: string } | undefined): string | null {
  const node = source as ImportExpression['source'] | undefined;
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0)
    return node.quasis[0]?.value.cooked ?? null;
  return null;
}

/** A specifier that is computed is left alone: it is resolved from the worker's project root, like all others. */
function checkSpecifier(fn: Function, specifier: string | null): void {
  if (specifier === null || !/^\.{0,2}(?:\/|$)/.test(specifier)) return;
  throw refuse(
    fn,
    'relative-import',
    `it imports \`${specifier}\`, a file of this project, which a worker need not have. Put the task in a module of ` +
      "its own that imports the file, and submit importTask(import.meta.url, 'name'): it travels with all its files",
    { specifier },
  );
}

function describe(value: unknown): string {
  return value === null ? 'null' : `of type ${typeof value}`;
}

/** Replacements in a parsed text. */
class Edits {
  private readonly parsed: ParsedFunction;
  private readonly list: { start: number; end: number; text: string }[] = [];

  constructor(parsed: ParsedFunction) {
    this.parsed = parsed;
  }

  replace(start: number, end: number, text: string): void {
    this.list.push({ start, end, text });
  }

  /** The name in the user's source, as far as the tools left it there. */
  nameOf(free: FreeName): string {
    if (!isRewrittenImport(free.name)) return free.name;
    if (free.member === null) return '* (a namespace import)';
    const before = this.parsed.text.slice(Math.max(0, free.start - 64), free.start);
    return isUsingHelper(before, free.member.name) ? usingHelper : free.member.name;
  }

  /** The function as an expression, with all replacements made. */
  apply(): string {
    const { text, node, prefix } = this.parsed;
    let result = prefix;
    let at = node.start;
    for (const edit of this.list.sort((a, b) => a.start - b.start)) {
      result += text.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return result + text.slice(at, node.end);
  }
}
