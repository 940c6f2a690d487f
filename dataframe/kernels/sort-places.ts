import type { Dictionary } from '../column/column.js';
import { ranks } from '../column/dictionary.js';
import { compareBytes } from '../column/string-table.js';

/** Places of a few reference texts on a line: those of rank r lie at 2r + 1, what is between them at even numbers. */
export function referencePlaces(texts: Dictionary): Int32Array {
  return ranks(texts).map(rank => 2 * rank + 1);
}

const placeCache = new WeakMap<Dictionary, { readonly texts: Dictionary; readonly places: Int32Array }>();

/** Where each entry lies between the reference texts. */
export function codePlaces(dictionary: Dictionary, texts: Dictionary): Int32Array {
  const known = placeCache.get(dictionary);
  if (known?.texts === texts) return known.places;
  const rank = ranks(texts);
  const sorted: number[] = [];
  for (let entry = 0; entry < texts.length; entry++) sorted[rank[entry]!] = entry;
  const { offsets, bytes, length } = dictionary;
  const places = new Int32Array(length);
  for (let entry = 0; entry < length; entry++) {
    let low = 0;
    let high = sorted.length;
    let place = -1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const t = sorted[middle]!;
      const order = compareBytes(
        bytes,
        offsets[entry]!,
        offsets[entry + 1]!,
        texts.bytes,
        texts.offsets[t]!,
        texts.offsets[t + 1]!,
      );
      if (order === 0) {
        place = 2 * middle + 1;
        break;
      }
      if (order < 0) high = middle;
      else low = middle + 1;
    }
    places[entry] = place < 0 ? 2 * low : place;
  }
  placeCache.set(dictionary, { texts, places });
  return places;
}
