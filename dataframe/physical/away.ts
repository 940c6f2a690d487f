import type { Batch, Column, Values } from '../column/column.js';
import { allocateValues } from '../column/layout.js';
import { decodeUnread } from '../column/slab.js';
import { widen } from '../kernels/concat.js';
import { type Fill, unfilledColumn } from '../kernels/unfilled.js';
import type { FragmentInput } from './task.js';

/**
 * A batch whose values are read when somebody has a place for them, or looks at them. Null where columns refer to more than
 * their values: then all of it is read.
 */
export function decodeAway(input: FragmentInput): Batch | null {
  const read = (target: Uint8Array, offset: number) => input.readInto!(target, offset);
  return decodeUnread(input.header, read, (column, offset) => {
    const fill: Fill = (values, physical) => {
      if (physical === column.physical) read(bytesOf(values), offset);
      else values.set(widen({ ...column, values: readAll(column, offset, read) }).values as never);
    };
    return unfilledColumn(column, fill);
  });
}

function readAll(
  { physical, length }: Omit<Column, 'values'>,
  offset: number,
  read: (target: Uint8Array, offset: number) => void,
): Values {
  const values = allocateValues(physical, length);
  read(bytesOf(values), offset);
  return values;
}

function bytesOf({ buffer, byteOffset, byteLength }: Values): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
