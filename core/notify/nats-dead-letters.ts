import type { JetStreamClient, JetStreamManager } from 'nats';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';
import { ensureStream } from './nats-stream.js';
import type { DeadLetter } from './notifier.js';
import { encodeJson, type Subjects } from './subjects.js';

/** Sends dead letters to a stream that keeps the last limits.deadLetters of them. Meanwhile they wait here, bounded. */
export class DeadLetterBox {
  readonly #subjects: Subjects;
  readonly #log: Log;
  readonly #waiting: DeadLetter[] = [];
  #stream: JetStreamClient | null = null;
  #sending: Promise<void> | null = null;

  constructor(subjects: Subjects, log: Log) {
    this.#subjects = subjects;
    this.#log = log;
  }

  add(letter: DeadLetter): void {
    this.#log.warn('task given up', { ...letter });
    if (this.#waiting.length >= limits.notifyBacklog) this.#waiting.shift();
    this.#waiting.push(letter);
    this.#send();
  }

  #send(): void {
    if (this.#stream !== null && this.#waiting.length > 0) this.#sending ??= this.#sendAll(this.#stream);
  }

  async #sendAll(stream: JetStreamClient): Promise<void> {
    while (stream === this.#stream && this.#waiting.length > 0) {
      const letter = this.#waiting[0]!;
      try {
        const body = encodeJson(cut(letter));
        await stream.publish(this.#subjects.deadLetter, body, { timeout: limits.natsAnswerMs });
        if (this.#waiting[0] === letter) this.#waiting.shift();
      } catch {
        break; // Tried again with the next letter or the next connection.
      }
    }
    this.#sending = null;
  }

  async ensureStream(manager: JetStreamManager): Promise<void> {
    const { RetentionPolicy, DiscardPolicy, StorageType } = await import('nats');
    await ensureStream(manager, {
      name: this.#subjects.deadStream,
      subjects: [this.#subjects.deadLetter],
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      storage: StorageType.File,
      max_msgs: limits.deadLetters,
    });
  }

  attach(stream: JetStreamClient): void {
    this.#stream = stream;
    this.#send();
  }

  detach(): void {
    this.#stream = null;
  }

  async flush(): Promise<void> {
    await this.#sending;
  }
}

/** Texts of a letter cut to limits.faultDetailBytes each. */
function cut(letter: DeadLetter): DeadLetter {
  const short = (text: string) => text.slice(0, limits.faultDetailBytes);
  const { job, index, attempt } = letter;
  return {
    job,
    index,
    attempt,
    name: short(letter.name),
    reason: short(letter.reason),
    history: letter.history.slice(-limits.storyEvents).map(line => line.slice(0, 512)),
  };
}
