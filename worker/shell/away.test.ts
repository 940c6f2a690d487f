import { expect, test } from 'vitest';
import type { JobId } from '../../core/base/ids.js';
import { noChecksum, type ReachedPartition } from '../../core/graph/partition.js';
import { AwaySlices } from './away.js';

let given = 0;

function lease(): ReachedPartition {
  const header = { rows: 1, byteLength: 8, checksum: noChecksum, meta: new Uint8Array(1) };
  return { header, place: { pid: 1, file: 1, address: 1 }, alive: true, release: () => void given++ };
}

const at = (index: number, job = 1) => ({ job: job as JobId, index });

test('a slice is given back when it is dropped and no batch reads it any more', () => {
  given = 0;
  const away = new AwaySlices();
  away.add(at(0), 3, lease());
  expect(away.pin(at(0), 2)).toBeNull();
  const pins = [away.pin(at(0), 3)!, away.pin(at(0), 3)!];
  away.drop(at(0), 3);
  expect(away.pin(at(0), 3)).toBeNull();
  pins[0]!.release();
  pins[0]!.release();
  expect(given).toBe(0);
  pins[1]!.release();
  expect(given).toBe(1);
  away.drop(at(0), 3);
  expect(given).toBe(1);
});

test('a slice that comes again takes the place of the first; jobs and the end take theirs along', () => {
  given = 0;
  const away = new AwaySlices();
  away.add(at(0), 0, lease());
  away.add(at(0), 0, lease());
  expect(given).toBe(1);
  away.add(at(0, 2), 0, lease());
  away.dropJob(1);
  expect(given).toBe(2);
  away.close();
  expect(given).toBe(3);
});
