import { expect, test } from 'vitest';
import { LaneWords } from './lane-words.js';
import { Starts } from './starts.js';

/** Words that tell when the gate is shut and opened. */
class Told extends LaneWords {
  readonly said: string[] = [];

  override shutGate(): void {
    this.said.push('shut');
    super.shutGate();
  }

  override openGate(): void {
    this.said.push('open');
    super.openGate();
  }
}

test('batches of one turn start at its end, behind a gate that is shut', () => {
  const words = new Told(2);
  const starts = new Starts(words);
  starts.hold();
  starts.add(() => words.said.push('first'));
  starts.add(() => words.said.push('second'));
  expect(words.said).toEqual([]);
  starts.release();
  expect(words.said).toEqual(['shut', 'first', 'second', 'open']);
});

test('one batch needs no gate, and outside of turns a batch starts at once', () => {
  const words = new Told(2);
  const starts = new Starts(words);
  starts.hold();
  starts.add(() => words.said.push('alone'));
  starts.release();
  starts.add(() => words.said.push('outside'));
  starts.hold();
  starts.release();
  expect(words.said).toEqual(['alone', 'outside']);
});

test('the gate is open again whatever becomes of a start', () => {
  const words = new Told(2);
  const starts = new Starts(words);
  starts.hold();
  starts.add(() => {
    throw new Error('no thread');
  });
  starts.add(() => {});
  expect(() => starts.release()).toThrow('no thread');
  expect(words.said).toEqual(['shut', 'open']);
});

test('a thread passes a gate that nobody opens', () => {
  const words = new LaneWords(1);
  words.shutGate();
  words.passGate();
  words.openGate();
  words.passGate();
});
