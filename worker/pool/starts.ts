import type { LaneWords } from './lane-words.js';

/**
 * Starts the batches of one turn together, while the gate of the lanes is shut. The message to the first thread may wake it on the core of
 * the engine's main thread, which then would not come to send the second one for milliseconds.
 */
export class Starts {
  private readonly words: LaneWords;
  private held: (() => void)[] | null = null;

  constructor(words: LaneWords) {
    this.words = words;
  }

  /** From now on batches wait for `release`. */
  hold(): void {
    this.held = [];
  }

  add(start: () => void): void {
    if (this.held === null) start();
    else this.held.push(start);
  }

  release(): void {
    const held = this.held ?? [];
    this.held = null;
    if (held.length > 1) this.words.shutGate();
    try {
      for (const start of held) start();
    } finally {
      if (held.length > 1) this.words.openGate();
    }
  }
}
