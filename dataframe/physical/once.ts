/**
 * `make`, done once for each key and what it was given with it the last time: what an operator works out of its step
 * and the schema before it, which are the same objects for all tasks of a fragment.
 */
export function once<K extends object, S, V>(make: (key: K, given: S) => V): (key: K, given: S) => V {
  const known = new WeakMap<K, { readonly given: S; readonly value: V }>();
  return (key, given) => {
    let found = known.get(key);
    if (found === undefined || found.given !== given) {
      found = { given, value: make(key, given) };
      known.set(key, found);
    }
    return found.value;
  };
}
