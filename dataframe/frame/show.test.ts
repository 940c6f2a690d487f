import { expect, test } from 'vitest';
import { DataType } from '../column/datatype.js';
import { formatTable } from './show.js';

test('a table with shape, types, nulls, cut text and dates', () => {
  const schema = [
    { name: 'city', type: DataType.Utf8 },
    { name: 'share', type: DataType.Float64 },
    { name: 'day', type: DataType.Date },
    { name: 'n', type: DataType.Int64 },
  ];
  const text = formatTable(
    schema,
    [
      { city: 'Zürich', share: 0.1 + 0.2, day: new Date(0), n: 12n },
      { city: 'x'.repeat(50), share: null, day: null, n: null },
    ],
    true,
  );
  expect(text).toBe(
    [
      'shape: (2+, 4)',
      '┌──────────────────────────────────┬─────────┬────────────┬───────┐',
      '│ city                             ┆   share ┆ day        ┆     n │',
      '│ Utf8                             ┆ Float64 ┆ Date       ┆ Int64 │',
      '╞══════════════════════════════════╪═════════╪════════════╪═══════╡',
      '│ Zürich                           ┆     0.3 ┆ 1970-01-01 ┆    12 │',
      `│ ${'x'.repeat(31)}… ┆    null ┆ null       ┆  null │`,
      '│ …                                ┆       … ┆ …          ┆     … │',
      '└──────────────────────────────────┴─────────┴────────────┴───────┘',
    ].join('\n'),
  );
});

test('no columns and no rows', () => {
  expect(formatTable([], [], false)).toBe('shape: (0, 0)');
  expect(formatTable([{ name: 'a', type: DataType.Bool }], [], false)).toContain('│ a    │');
});
