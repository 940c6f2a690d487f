import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';

/** True when a path holds any of `* ? [ {`. */
export function isGlob(path: string): boolean {
  return /[*?[{]/.test(path);
}

/**
 * Files that match, sorted by UTF-16 code units so that partition numbers never depend on the file system.
 * `*` and `?` stay within a folder, `**` crosses folders (not those whose name begins with a dot), `{a,b}` are
 * alternatives, `[a-z]` and `[!a-z]` classes.
 */
export async function expandGlob(pattern: string): Promise<string[]> {
  const found = new Set<string>();
  const budget: Budget = { entries: limits.globEntries, pattern };
  for (const alternative of expandBraces(pattern)) {
    const parts = alternative.split('/');
    const absolute = parts[0] === '';
    await walk(absolute ? sep : '', absolute ? parts.slice(1) : parts, found, budget, 0);
  }
  return [...found].sort();
}

/** All files under a folder, sorted, leaving out names that begin with a dot or an underscore (work in progress). */
export async function filesUnder(folder: string, extensions: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  await collect(folder, extensions, found, { entries: limits.globEntries, pattern: folder }, 0);
  return found.sort();
}

/** Tells names with slashes that match, by the rules of expandGlob. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const alternatives = expandBraces(pattern).map(alternative =>
    alternative.split('/').map(part => (part === '**' ? null : { part, matches: segmentPattern(part) })),
  );
  type Segments = (typeof alternatives)[number];
  const match = (segments: Segments, names: readonly string[]): boolean => {
    const [segment, ...rest] = segments;
    const [name, ...others] = names;
    if (segment === undefined) return name === undefined;
    if (segment !== null) {
      const hidden = name?.startsWith('.') && !segment.part.startsWith('.');
      return name !== undefined && !hidden && segment.matches.test(name) && match(rest, others);
    }
    return match(rest, names) || (name !== undefined && !name.startsWith('.') && match(segments, others));
  };
  return name => alternatives.some(segments => match(segments, name.split('/')));
}

interface Budget {
  entries: number;
  readonly pattern: string;
}

async function collect(
  folder: string,
  extensions: readonly string[],
  found: string[],
  budget: Budget,
  depth: number,
): Promise<void> {
  for (const entry of await list(folder, budget, depth)) {
    if (/^[._]/.test(entry.name)) {
      continue;
    }
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await collect(path, extensions, found, budget, depth + 1);
    } else if (extensions.some(extension => entry.name.toLowerCase().endsWith(extension))) {
      found.push(path);
    }
  }
}

async function walk(
  base: string,
  parts: readonly string[],
  found: Set<string>,
  budget: Budget,
  depth: number,
): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) {
    return;
  }
  if (part === '**') {
    await walk(base, rest, found, budget, depth);
    for (const entry of await list(base, budget, depth)) {
      if (entry.isDirectory() && !entry.name.startsWith('.')) {
        await walk(join(base, entry.name), parts, found, budget, depth + 1);
      }
    }
    return;
  }
  if (part === '' || (!isGlob(part) && rest.length > 0)) {
    await walk(join(base, part), rest, found, budget, depth + 1);
    return;
  }
  const matches = segmentPattern(part);
  for (const entry of await list(base, budget, depth)) {
    if (!matches.test(entry.name) || (entry.name.startsWith('.') && !part.startsWith('.'))) {
      continue;
    }
    if (rest.length > 0) {
      await walk(join(base, entry.name), rest, found, budget, depth + 1);
    } else if (!entry.isDirectory()) {
      found.add(join(base, entry.name));
    }
  }
}

/** Entries of a folder; none when it cannot be listed (a file, or not there). */
async function list(folder: string, budget: Budget, depth: number): Promise<Dirent[]> {
  if (depth > limits.globDepth) {
    return [];
  }
  let entries: Dirent[];
  try {
    entries = await readdir(folder === '' ? '.' : folder, { withFileTypes: true });
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) {
      return [];
    }
    throw error;
  }
  budget.entries -= entries.length;
  if (budget.entries < 0) {
    throw new VolleyError(
      'RESOURCE_EXHAUSTED',
      `'${budget.pattern}' visits more than ${limits.globEntries} files and folders: name a narrower folder`,
      { path: budget.pattern },
    );
  }
  return entries;
}

/** `a{b,c}d` → `abd`, `acd`; nests. A brace that never closes is an ordinary character. */
export function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  const close = open < 0 ? -1 : matchingBrace(pattern, open);
  if (close < 0) {
    return [pattern];
  }
  const head = pattern.slice(0, open);
  const tails = expandBraces(pattern.slice(close + 1));
  const out: string[] = [];
  for (const choice of splitTopLevel(pattern.slice(open + 1, close))) {
    for (const middle of expandBraces(choice)) {
      for (const tail of tails) {
        out.push(head + middle + tail);
        if (out.length > limits.globAlternatives) {
          throw new VolleyError(
            'INVALID_ARGUMENT',
            `'${pattern}' has more than ${limits.globAlternatives} alternatives in braces: name a folder or use *`,
          );
        }
      }
    }
  }
  return out;
}

function matchingBrace(pattern: string, open: number): number {
  let depth = 0;
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === '{') {
      depth++;
    } else if (pattern[i] === '}' && --depth === 0) {
      return i;
    }
  }
  return -1;
}

function splitTopLevel(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') {
      depth++;
    } else if (text[i] === '}') {
      depth--;
    } else if (text[i] === ',' && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, text.slice(from)];
}

/** One path segment as a regular expression. Runs of `*` are joined: they would backtrack exponentially. */
export function segmentPattern(segment: string): RegExp {
  let source = '';
  for (let i = 0; i < segment.length; i++) {
    const char = segment[i] as string;
    if (char === '*') {
      source += source.endsWith('.*') ? '' : '.*';
    } else if (char === '?') {
      source += '.';
    } else if (char === '[') {
      const close = segment.indexOf(']', i + 2);
      if (close < 0) {
        source += '\\[';
        continue;
      }
      const body = segment.slice(i + 1, close).replace(/[\\\]^[]/g, '\\$&');
      source += body.startsWith('!') ? `[^${body.slice(1)}]` : `[${body}]`;
      i = close;
    } else {
      source += char.replace(/[.+^${}()|\\\]]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 's');
}
