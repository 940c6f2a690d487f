import { expect, test } from 'vitest';
import { seededRng } from '../../../core/base/rng.js';
import { newSeed } from '../testing/oracle.js';
import { anyFloat, boolean, longFloat, shortFloat, shortInteger, wideInteger } from './numbers.js';
import { isoDate, isoTime, toTicks } from './times.js';

const on = <T>(parse: (bytes: Uint8Array, from: number, to: number) => T, text: string): T => {
  const bytes = Buffer.from(`x${text}y`);
  return parse(bytes, 1, bytes.length - 1);
};

test('floats equal Number() bit for bit, or leave it to the slow path', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let fast = 0;
  for (let k = 0; k < 20_000; k++) {
    const digits = String(Math.floor(random() * 10 ** Math.floor(random() * 17)));
    const point = Math.floor(random() * (digits.length + 1));
    const exponent =
      random() < 0.5 ? '' : `${random() < 0.5 ? 'e' : 'E'}${Math.floor((random() - 0.5) * 60)}`;
    const text = `${random() < 0.3 ? '-' : ''}${digits.slice(0, point)}${random() < 0.8 ? '.' : ''}${digits.slice(point)}${exponent}`;
    const quick = on(shortFloat, text);
    if (!Number.isNaN(quick)) {
      fast++;
      expect(Object.is(quick, Number(text)), `seed ${seed}: ${text}`).toBe(true);
    }
    expect(on(anyFloat, text), `seed ${seed}: ${text}`).toBe(Number(text));
  }
  expect(fast).toBeGreaterThan(10_000);
});

test('floats as they are usually printed take no detour, and are exact', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  let fast = 0;
  let asked = 0;
  for (let k = 0; k < 40_000; k++) {
    const printed = String((random() - 0.5) * 10 ** Math.floor(random() * 10));
    const digits = String(10n ** 18n + BigInt(Math.floor(random() * 2 ** 53)) * 1000n + BigInt(k % 1000));
    const point = Math.floor(random() * 20);
    // Half way between two doubles, and next to it.
    const between = String(
      2n ** 53n * 2n + BigInt(2 * Math.floor(random() * 1e6) + 1) * 2n + BigInt((k % 3) - 1),
    );
    for (const text of [printed, `${digits.slice(0, point)}.${digits.slice(point)}`, between]) {
      const value = on(longFloat, text);
      asked++;
      if (Number.isNaN(value)) continue;
      fast++;
      expect(Object.is(value, Number(text)), `seed ${seed}: ${text}`).toBe(true);
    }
  }
  expect(fast / asked).toBeGreaterThan(0.8);
  for (const text of [
    '',
    '1',
    '1.2.345678901234',
    '12345678901234e1',
    '123456789012345678901',
    '1234567890123x',
  ]) {
    expect(on(longFloat, text), text).toBeNaN();
  }
});

test('what is no number', () => {
  for (const text of [
    '',
    '-',
    '.',
    'e5',
    '1e',
    '1.2.3',
    '0x10',
    '1_000',
    '1,5',
    'null',
    'Infinity5',
    '--1',
    '1 2',
  ]) {
    expect([on(shortFloat, text), on(anyFloat, text)], text).toEqual([Number.NaN, null]);
    expect([on(shortInteger, text), on(wideInteger as never, text)], text).toEqual([Number.NaN, null]);
  }
  expect([
    on(anyFloat, ' 1.5 '),
    on(anyFloat, '-inf'),
    on(anyFloat, 'NaN'),
    on(anyFloat, 'Infinity'),
  ]).toEqual([1.5, -Infinity, Number.NaN, Infinity]);
});

test('integers', () => {
  expect([
    on(shortInteger, '007'),
    on(shortInteger, '-12'),
    on(shortInteger, '+5'),
    on(shortInteger, '-0'),
  ]).toEqual([7, -12, 5, 0]);
  expect(on(shortInteger, '1234567890123456')).toBeNaN();
  const wide = (text: string, unsigned: boolean) => on((b, f, t) => wideInteger(b, f, t, unsigned), text);
  expect([
    wide('9223372036854775807', false),
    wide('9223372036854775808', false),
    wide('18446744073709551615', true),
    wide('-1', true),
  ]).toEqual([2n ** 63n - 1n, null, 2n ** 64n - 1n, null]);
  expect([on(boolean, 'TRUE'), on(boolean, 'false'), on(boolean, 'yes')]).toEqual([1, 0, -1]);
});

test('dates and times equal Date', () => {
  const seed = newSeed();
  const random = seededRng(seed);
  for (let k = 0; k < 5000; k++) {
    const date = new Date(Math.floor((random() - 0.2) * 4e12));
    const text = date.toISOString();
    expect(on(isoDate, text.slice(0, 10)), `seed ${seed}: ${text}`).toBe(
      Math.floor(date.getTime() / 86_400_000),
    );
    const time = on(isoTime, text)!;
    expect([toTicks(time, 'ms'), time.zoned], `seed ${seed}: ${text}`).toEqual([date.getTime(), true]);
    expect(toTicks(on(isoTime, text.replace('T', ' ').slice(0, 19))!, 's')).toBe(
      Math.floor(date.getTime() / 1000),
    );
  }
  const micros = (text: string) => toTicks(on(isoTime, text)!, 'us');
  expect([micros('1970-01-01T01:00+01:00'), micros('1970-01-01 00:00-0130'), micros('1970-01-02')]).toEqual([
    0, 5400e6, 86_400e6,
  ]);
  expect(micros('1969-12-31T23:59:59.9999999')).toBe(-1);
  expect(toTicks(on(isoTime, '2020-01-01T00:00:00.123456789Z')!, 'ns')).toBe(1_577_836_800_123_456_789n);
});

test('what is no date or time', () => {
  for (const text of [
    '2020-02-30',
    '2021-02-29',
    '2020-13-01',
    '2020-00-10',
    '2020-1-1',
    '20200101',
    '2020-01-01T',
    '2020-01-01T24:00',
    '2020-01-01T10:60',
    '2020-01-01T10:00:60',
    '2020-01-01T10:00:00.',
    '2020-01-01T10:00:00.1234567890',
    '2020-01-01T10:00Zx',
    '2020-01-01T10:00+1',
    '2020-01-01x10:00',
  ]) {
    expect([on(isoTime, text), on(isoDate, text)], text).toEqual([null, Number.NaN]);
  }
});
