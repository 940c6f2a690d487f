import { type FusedSpec, initialValue, type Layout, slotSources } from './fused-layout.js';
import { takeNumbers } from './scratch.js';

/** The numbers of all places in another layout. */
export function relaid(
  specs: readonly FusedSpec[],
  numbers: Float64Array,
  places: number,
  old: Layout,
  next: Layout,
): Float64Array {
  const out = takeNumbers(places * next.width);
  slotSources(old, next).forEach((from, slot) => {
    if (from < 0) return;
    for (let g = 0; g < places; g++) out[g * next.width + slot] = numbers[g * old.width + from]!;
  });
  // Extremes that met no row begin elsewhere where integers may be wide.
  specs.forEach((spec, k) => {
    const slot = next.value[k]!;
    const before = initialValue(spec, old.flags.wide);
    const after = initialValue(spec, next.flags.wide);
    if (slot < 0 || Object.is(before, after)) return;
    for (let at = slot; at < places * next.width; at += next.width) if (out[at] === before) out[at] = after;
  });
  return out;
}

/** Copies the numbers of groups 0 .. groups-1 from their old places to their new ones; null: place k. */
export function moveNumbers(
  from: Float64Array,
  fromPlaces: Int32Array | null,
  to: Float64Array,
  toPlaces: Int32Array | null,
  groups: number,
  width: number,
): void {
  for (let k = 0; k < groups; k++) {
    const a = (fromPlaces === null ? k : fromPlaces[k]!) * width;
    const b = (toPlaces === null ? k : toPlaces[k]!) * width;
    for (let w = 0; w < width; w++) to[b + w] = from[a + w]!;
  }
}
