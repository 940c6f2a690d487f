import { limits } from '../../core/base/limits.js';
import { unpackData } from '../../core/wire/msgpack.js';
import type { Fragment } from './fragment.js';

/** Fragments this thread has run by the text of their body, least recently used first. */
const known = new Map<string, Fragment>();

/**
 * The fragment of a body. Equal bodies, of whatever job, give one object: what depends on nothing else is worked out
 * once for a query that is asked again and again.
 */
export function readFragment(body: Uint8Array): Fragment {
  if (body.byteLength > limits.cachedFragmentBytes) return unpackData<Fragment>(body);
  const key = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  const fragment = known.get(key) ?? unpackData<Fragment>(body);
  known.delete(key);
  known.set(key, fragment);
  if (known.size > limits.cachedFragments) known.delete(known.keys().next().value!);
  return fragment;
}
