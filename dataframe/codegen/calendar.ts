/**
 * The proleptic Gregorian calendar on whole days since 1970-01-01, without Date objects. Algorithms: Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", days_from_civil and civil_from_days.
 */

/** Day number of a date. `month` 1-12, `day` 1-31. */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

/** Year × 512 + month × 32 + day: one number, so that nothing is allocated. */
export function civilFromDays(days: number): number {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = ((doe - ((doe / 1460) | 0) + ((doe / 36524) | 0) - ((doe / 146096) | 0)) / 365) | 0;
  const doy = doe - (365 * yoe + ((yoe / 4) | 0) - ((yoe / 100) | 0));
  const mp = ((5 * doy + 2) / 153) | 0;
  const day = doy - (((153 * mp + 2) / 5) | 0) + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  return year * 512 + month * 32 + day;
}

export function yearOf(days: number): number {
  return Math.floor(civilFromDays(days) / 512);
}

/** 1 to 12. */
export function monthOf(days: number): number {
  const civil = civilFromDays(days);
  return Math.floor((civil - Math.floor(civil / 512) * 512) / 32);
}

/** 1 to 31. */
export function dayOfMonth(days: number): number {
  const civil = civilFromDays(days);
  return civil - Math.floor(civil / 32) * 32;
}

/** 1 = Monday to 7 = Sunday. */
export function weekdayOf(days: number): number {
  const d = days + 3;
  return d - Math.floor(d / 7) * 7 + 1;
}

/** 1 to 366. */
export function ordinalDayOf(days: number): number {
  return days - daysFromCivil(yearOf(days), 1, 1) + 1;
}

/** True for dates that exist. */
export function isCivil(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  return civilFromDays(daysFromCivil(year, month, day)) === year * 512 + month * 32 + day;
}

/** The first day of the period of `count` months that holds the day; periods are counted from year 0. */
export function truncateMonths(days: number, count: number): number {
  const months = yearOf(days) * 12 + monthOf(days) - 1;
  const first = Math.floor(months / count) * count;
  const year = Math.floor(first / 12);
  return daysFromCivil(year, first - year * 12 + 1, 1);
}

/** The Monday (of every `count`-th week since 1970-01-05) on or before the day. */
export function truncateWeeks(days: number, count: number): number {
  return Math.floor((days - 4) / (7 * count)) * (7 * count) + 4;
}

export function truncateDays(days: number, count: number): number {
  return Math.floor(days / count) * count;
}
