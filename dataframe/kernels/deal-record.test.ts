import { expect, test } from 'vitest';
import { recordOf } from './deal-record.js';

/** Columns of each chunk at their places in it, and the bytes of the chunks and of the record. */
function drawn(sizes: readonly number[]): string {
  const { chunks, bytes } = recordOf(sizes);
  const texts = chunks.map(chunk => {
    const fields = chunk.fields.map(({ column, at }) => `${column}@${at}`);
    return `${fields.join(' ')} of ${chunk.bytes} at ${chunk.at}`;
  });
  return `${texts.join(', ')}: ${bytes}`;
}

test('a row of small values is one chunk, of a power of two', () => {
  expect(drawn([8])).toBe('0@0 of 8 at 0: 8');
  expect(drawn([1, 2])).toBe('1@0 0@2 of 4 at 0: 4');
  expect(drawn([4, 8, 4])).toBe('1@0 0@8 2@12 of 16 at 0: 16');
  expect(drawn([4, 4, 4])).toBe('0@0 1@4 2@8 of 16 at 0: 16');
});

test('larger rows are chunks of 16 bytes, and one of what is left', () => {
  expect(drawn([4, 4, 8, 8])).toBe('2@0 3@8 of 16 at 0, 0@0 1@4 of 8 at 16: 24');
  expect(drawn([8, 1, 8])).toBe('0@0 2@8 of 16 at 0, 1@0 of 1 at 16: 17');
  expect(drawn([2, 8, 1, 8])).toBe('1@0 3@8 of 16 at 0, 0@0 2@2 of 4 at 16: 19');
  expect(drawn([8, 4, 4, 4, 4])).toBe('0@0 1@8 2@12 of 16 at 0, 3@0 4@4 of 8 at 16: 24');
});
