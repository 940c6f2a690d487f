import { expect, test } from 'vitest';
import { seededRng } from '../../core/base/rng.js';
import { dayOf, joinDay, timeOf, words } from '../column/int64.js';
import { testSeed } from '../testing/random-batch.js';
import {
  dayOfMonth,
  daysFromCivil,
  isCivil,
  monthOf,
  ordinalDayOf,
  truncateMonths,
  truncateWeeks,
  weekdayOf,
  yearOf,
} from './calendar.js';
import { dateText, parseIso, timeFormatter, timeParser, timestampText } from './time-text.js';

const seed = testSeed();
const dayMs = 86_400_000;

test('the calendar is the one of Date, over ten thousand years', () => {
  const random = seededRng(seed);
  for (let round = 0; round < 5000; round++) {
    const day = Math.floor((random() - 0.5) * 3_650_000);
    const date = new Date(day * dayMs);
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1];
    expect([yearOf(day), monthOf(day), dayOfMonth(day)]).toEqual([year, month, date.getUTCDate()]);
    expect(daysFromCivil(year, month, date.getUTCDate())).toBe(day);
    expect(weekdayOf(day)).toBe(((date.getUTCDay() + 6) % 7) + 1);
    const start = new Date(0);
    start.setUTCFullYear(year, 0, 1);
    expect(ordinalDayOf(day)).toBe(day - start.getTime() / dayMs + 1);
    expect(weekdayOf(truncateWeeks(day, 1))).toBe(1);
    expect(dayOfMonth(truncateMonths(day, 1))).toBe(1);
  }
  expect([isCivil(2024, 2, 29), isCivil(2023, 2, 29), isCivil(1900, 2, 29), isCivil(2000, 2, 29)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
});

test('64-bit times split into day and rest and join again, exactly', () => {
  const random = seededRng(seed + 1);
  for (const perDay of [86_400, 86_400e3, 86_400e6, 86_400e9]) {
    for (let round = 0; round < 2000; round++) {
      const day = Math.floor((random() - 0.5) * 200_000);
      const time = Math.floor(random() * perDay);
      joinDay(day, time, perDay);
      const { high, low } = words;
      expect((BigInt(high) << 32n) + BigInt(low)).toBe(BigInt(day) * BigInt(perDay) + BigInt(time));
      expect([dayOf(high, low, perDay), timeOf(high, low, perDay)]).toEqual([day, time]);
    }
  }
});

test('times are read and written', () => {
  expect(parseIso('2024-02-29T23:59:58.123456789+02:00')).toEqual({ day: 19782, nanos: 79_198_123_456_789 });
  for (const text of ['2024-02-30', '2024-1-1', '24:00', '2024-01-01T24:00:00', '', 'x2024-01-01']) {
    expect(parseIso(text)).toBeNull();
  }
  expect([dateText(0), dateText(-719528), timestampText(0, 1)]).toEqual([
    '1970-01-01',
    '0000-01-01',
    '1970-01-01 00:00:00.000000001',
  ]);
  const format = '%a %d %b %Y, %I:%M:%S %p (%j)';
  const written = timeFormatter(format)(19782, 49_500e9);
  expect(written).toBe('Thu 29 Feb 2024, 01:45:00 PM (060)');
  expect(timeParser('%a %d %b %Y, %I:%M:%S %p')(written.slice(0, -6))).toEqual({
    day: 19782,
    nanos: 49_500e9,
  });
});
