import { assert } from '../../core/base/assert.js';
import { limits } from '../../core/base/limits.js';

/** 64 bytes a lane: no two lanes share a cache line. */
const wordsPerLane = 16;
/** next << 16 | end: which tasks of the batch are claimed, and where it ends. */
const windowWord = 0;
const answerWord = 1;
const arenaWord = 2;
const offsetWord = 3;
/** 1 while the lane has a batch. */
const busyWord = 4;
/** Of the first lane, for all: 1 while the engine starts several. */
const gateWord = 5;

/** What the answer word holds. */
export const Answer = { Pending: 0, Granted: 1, Refused: 2 } as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

/**
 * Shared words of the lanes. The window is the only thing both sides change: the thread claims the next position,
 * the engine takes the tail back, each with one compare-and-swap, so a task is begun or taken back, never both.
 * Nobody holds a lock, because threads get terminated.
 */
export class LaneWords {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;

  constructor(lanes: number | SharedArrayBuffer) {
    this.buffer = typeof lanes === 'number' ? new SharedArrayBuffer(lanes * wordsPerLane * 4) : lanes;
    this.words = new Int32Array(this.buffer);
  }

  /** Engine: a new batch of `count` tasks, none claimed. */
  open(lane: number, count: number): void {
    assert(count > 0 && count < 0x8000, 'a window has 15 bits');
    Atomics.store(this.words, lane * wordsPerLane + windowWord, count);
    Atomics.store(this.words, lane * wordsPerLane + busyWord, 1);
  }

  /** Engine: the batch is over, whatever became of it. */
  close(lane: number): void {
    Atomics.store(this.words, lane * wordsPerLane + busyWord, 0);
  }

  /** Whether any lane has a batch. */
  get busy(): boolean {
    for (let at = busyWord; at < this.words.length; at += wordsPerLane)
      if (Atomics.load(this.words, at) === 1) return true;
    return false;
  }

  /** Thread: claims the next position; -1 when there is none left. */
  claim(lane: number): number {
    const at = lane * wordsPerLane + windowWord;
    for (;;) {
      const window = Atomics.load(this.words, at);
      const next = window >>> 16;
      if (next >= (window & 0xffff)) return -1;
      if (Atomics.compareExchange(this.words, at, window, window + 0x10000) === window) return next;
    }
  }

  /**
   * Engine: ends the batch at what is claimed; gives the first position that will not be begun. Null, and nothing has
   * changed, when fewer than `least` positions are left.
   */
  takeTail(lane: number, least = 0): number | null {
    const at = lane * wordsPerLane + windowWord;
    for (;;) {
      const window = Atomics.load(this.words, at);
      const next = window >>> 16;
      const left = (window & 0xffff) - next;
      if (left < least) return null;
      if (left <= 0) return next;
      if (Atomics.compareExchange(this.words, at, window, (next << 16) | next) === window) return next;
    }
  }

  /** Engine: threads that have got their batch wait until others have theirs. */
  shutGate(): void {
    Atomics.store(this.words, gateWord, 1);
  }

  openGate(): void {
    Atomics.store(this.words, gateWord, 0);
    Atomics.notify(this.words, gateWord);
  }

  /** Thread: sleeps while the gate is shut, which gives the core to the engine. No longer than limits.gateMs. */
  passGate(): void {
    if (Atomics.load(this.words, gateWord) === 1) Atomics.wait(this.words, gateWord, 1, limits.gateMs);
  }

  /** How many positions are claimed. */
  claimed(lane: number): number {
    return Atomics.load(this.words, lane * wordsPerLane + windowWord) >>> 16;
  }

  /** Thread: before it asks. */
  expectAnswer(lane: number): void {
    Atomics.store(this.words, lane * wordsPerLane + answerWord, Answer.Pending);
  }

  /**
   * Thread: sleeps until the engine has answered. It may be woken for the question before: where it saw that answer by itself, and
   * asked again before the engine came to wake it.
   */
  awaitAnswer(lane: number): { granted: boolean; arena: number; offset: number } {
    const base = lane * wordsPerLane;
    let answer: number = Answer.Pending;
    while (answer === Answer.Pending) {
      Atomics.wait(this.words, base + answerWord, Answer.Pending);
      answer = Atomics.load(this.words, base + answerWord);
    }
    return {
      granted: answer === Answer.Granted,
      arena: Atomics.load(this.words, base + arenaWord),
      offset: Atomics.load(this.words, base + offsetWord) >>> 0,
    };
  }

  /** Engine: answers, and wakes the thread. */
  answer(lane: number, answer: Answer, arena = 0, offset = 0): void {
    const base = lane * wordsPerLane;
    Atomics.store(this.words, base + arenaWord, arena);
    Atomics.store(this.words, base + offsetWord, offset);
    Atomics.store(this.words, base + answerWord, answer);
    Atomics.notify(this.words, base + answerWord);
  }
}
