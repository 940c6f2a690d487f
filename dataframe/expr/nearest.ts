import { VolleyError } from '../../core/base/errors.js';
import type { Schema } from '../column/datatype.js';

/** At most this many names are suggested: more is a list to search, not a hint. */
const SUGGESTIONS = 3;
/** Names listed when nothing is near. */
const LISTED = 20;

/** The error of a name that `schema` lacks; `where` says who asked: `filter`, `join (right side)`. */
export function columnNotFound(name: string, schema: Schema, where: string): VolleyError {
  const names = schema.map(field => field.name);
  const nearest = nearestNames(name, names);
  const listed = `${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ', …' : ''}`;
  const way =
    nearest.length > 0
      ? `Did you mean ${nearest.map(n => JSON.stringify(n)).join(' or ')}?`
      : names.length > 0
        ? `The columns are: ${listed}.`
        : 'There are no columns.';
  return new VolleyError('COLUMN_NOT_FOUND', `${where}: no column ${JSON.stringify(name)}. ${way}`, {
    column: name,
    nearest,
    columns: names,
  });
}

/** Names within an edit distance of about a third of their length, nearest first. */
export function nearestNames(name: string, names: readonly string[]): string[] {
  const wanted = name.toLowerCase();
  return names
    .map((candidate, position) => {
      const lower = candidate.toLowerCase();
      const within =
        wanted.length > 2 && (lower.includes(wanted) || (lower.length > 2 && wanted.includes(lower)));
      return { candidate, position, distance: within ? 1 : editDistance(wanted, lower) };
    })
    .filter(
      ({ candidate, distance }) =>
        distance <= Math.max(1, Math.ceil(Math.max(candidate.length, name.length) / 3)),
    )
    .sort((a, b) => a.distance - b.distance || a.position - b.position)
    .slice(0, SUGGESTIONS)
    .map(({ candidate }) => candidate);
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours, one row at a time. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replace, previous[j]! + 1, current[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, beforePrevious[j - 2]! + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
