import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { JobId } from '../../core/base/ids.js';
import type { EngineDeath } from '../../core/wire/messages.js';

/**
 * What an engine's threads run, in a small file that outlives it: count, resident bytes, then job, index and attempt
 * of each task. One write before each batch starts, so that even a crash right after is laid at the right door.
 */
export class RunningFile {
  private readonly file: number;
  private bytes = Buffer.alloc(4096);
  private rssBytes = 0;

  constructor(path: string) {
    this.file = openSync(path, 'w', 0o600);
    this.write([], 0);
  }

  /** `rssBytes` 0: as last told. */
  write(tasks: EngineDeath['running'], rssBytes: number): void {
    if (rssBytes > 0) this.rssBytes = rssBytes;
    const length = 12 + 12 * tasks.length;
    if (length > this.bytes.byteLength) this.bytes = Buffer.alloc(2 * length);
    const { bytes } = this;
    bytes.writeUInt32LE(tasks.length, 0);
    bytes.writeDoubleLE(this.rssBytes, 4);
    let at = 12;
    for (const task of tasks) {
      bytes.writeUInt32LE(task.job, at);
      bytes.writeUInt32LE(task.index, at + 4);
      bytes.writeUInt32LE(task.attempt, at + 8);
      at += 12;
    }
    writeSync(this.file, bytes, 0, length, 0);
  }

  close(): void {
    closeSync(this.file);
  }
}

/** What a dead engine was last seen doing; nothing when it died before it could say. */
export function readRunning(path: string): Pick<EngineDeath, 'running' | 'rssBytes'> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return { running: [], rssBytes: 0 };
  }
  if (bytes.byteLength < 12) return { running: [], rssBytes: 0 };
  const count = Math.min(bytes.readUInt32LE(0), Math.floor((bytes.byteLength - 12) / 12));
  const running = Array.from({ length: count }, (_, i) => ({
    job: bytes.readUInt32LE(12 + 12 * i) as JobId,
    index: bytes.readUInt32LE(16 + 12 * i),
    attempt: bytes.readUInt32LE(20 + 12 * i),
  }));
  return { running, rssBytes: bytes.readDoubleLE(4) };
}
