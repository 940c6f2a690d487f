const two32 = 4294967296;

/** 64-bit integers as (high, low) words. Helpers leave their result here: no allocation per row. */
export const words = { high: 0, low: 0 };

/** Sets `words` to day * unitsPerDay + time, all exact integers; |result| must be below 2^63. */
export function joinDay(day: number, time: number, unitsPerDay: number): void {
  // unitsPerDay = a * 2^24 + b: every partial product stays below 2^53.
  const a = Math.floor(unitsPerDay / 16777216);
  const b = unitsPerDay - a * 16777216;
  const p = day * a; // times 2^24
  const q = day * b + time;
  // p * 2^24 = high part (p >> 8) * 2^32 + (p & 255) * 2^24
  const ph = Math.floor(p / 256);
  const pl = (p - ph * 256) * 16777216;
  const qh = Math.floor(q / two32);
  const low = q - qh * two32 + pl;
  const carry = Math.floor(low / two32);
  words.high = ph + qh + carry;
  words.low = low - carry * two32;
}

/** The day of a pair counted in units, rounded down; `words` is not touched. */
export function dayOf(high: number, low: number, unitsPerDay: number): number {
  const time = timeOf(high, low, unitsPerDay);
  // The difference is a multiple of unitsPerDay up to rounding in the last place: the quotient rounds to an integer.
  return Math.round((high * two32 + (low - time)) / unitsPerDay);
}

/** Units since the start of the day. */
export function timeOf(high: number, low: number, unitsPerDay: number): number {
  const rest = (((high * two32) % unitsPerDay) + low) % unitsPerDay;
  return rest < 0 ? rest + unitsPerDay : rest;
}
