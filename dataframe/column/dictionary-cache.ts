import { limits } from '../../core/base/limits.js';
import type { Dictionary } from './column.js';

/** Dictionaries of one set of inputs by content id: all of these live as long as the set does. */
export type SharedDictionaries = Map<string, Dictionary>;

/**
 * Dictionaries this thread has met, by content id; least recently used first. They are copies on the heap: the slab
 * they came in may be freed and used again while something derived from them is still wanted.
 */
const cache = new Map<string, Dictionary>();
let cachedBytes = 0;

function bytesOf({ offsets, bytes }: Dictionary): number {
  return offsets.byteLength + bytes.byteLength;
}

/** The dictionary of that id, if it was met before and has these sizes: an id that lies finds nothing. */
export function knownDictionary(
  id: string,
  length: number,
  textBytes: number,
  shared: SharedDictionaries | null,
): Dictionary | null {
  const known = cache.get(id) ?? shared?.get(id);
  if (known === undefined || known.length !== length || known.bytes.byteLength !== textBytes) return null;
  if (cache.delete(id)) cache.set(id, known);
  return known;
}

/**
 * Remembers a dictionary that was checked, and gives the object to use in its place. Small ones are copied and kept
 * for the thread; large ones are views, kept for the set of inputs they came with.
 */
export function rememberDictionary(view: Dictionary, shared: SharedDictionaries | null): Dictionary {
  const id = view.id!;
  const size = bytesOf(view);
  if (size > limits.cachedDictionaryBytes) {
    shared?.set(id, view);
    return view;
  }
  const copy: Dictionary = {
    id,
    length: view.length,
    offsets: view.offsets.slice(),
    bytes: view.bytes.slice(),
  };
  const before = cache.get(id);
  if (before !== undefined) cachedBytes -= bytesOf(before);
  cache.delete(id);
  cache.set(id, copy);
  cachedBytes += size;
  for (const [oldest, dictionary] of cache) {
    if (cachedBytes <= limits.dictionaryCacheBytes) break;
    cache.delete(oldest);
    cachedBytes -= bytesOf(dictionary);
  }
  return copy;
}

/** Bytes held by this thread. */
export function dictionaryCacheBytes(): number {
  return cachedBytes;
}
