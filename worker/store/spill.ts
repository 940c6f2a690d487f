import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VolleyError } from '../../core/base/errors.js';
import { folderPrefix } from './left-behind.js';

/** Bytes that were written out, and where. */
export interface SpillFile {
  readonly path: string;
  /** Where the bytes begin: behind the header. */
  readonly start: number;
  readonly byteLength: number;
}

/** The folder of one engine's spilled partitions: made at the first spill, removed at close. */
export class SpillFolder {
  private readonly base: string | null;
  private folder: Promise<string> | null = null;
  private nextFile = 1;

  /** `base` null: a folder below the system's own for temporary files. */
  constructor(base: string | null) {
    this.base = base;
  }

  /** One write of header and bytes. */
  async write(header: Uint8Array, bytes: Uint8Array): Promise<SpillFile> {
    const path = join(await this.open(), `${this.nextFile++}.slab`);
    const file = await open(path, 'wx', 0o600);
    try {
      const prefix = Buffer.alloc(4);
      prefix.writeUInt32LE(header.byteLength, 0);
      let position = 0;
      for (const part of [prefix, header, bytes]) {
        for (let at = 0; at < part.byteLength; ) {
          const { bytesWritten } = await file.write(part, at, part.byteLength - at, position);
          at += bytesWritten;
          position += bytesWritten;
        }
      }
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return { path, start: 4 + header.byteLength, byteLength: bytes.byteLength };
  }

  /** Reads `into.byteLength` bytes that start `offset` bytes into the spilled ones. */
  async read(spilled: SpillFile, offset: number, into: Uint8Array): Promise<void> {
    const file = await open(spilled.path, 'r');
    try {
      for (let at = 0; at < into.byteLength; ) {
        const { bytesRead } = await file.read(into, at, into.byteLength - at, spilled.start + offset + at);
        if (bytesRead === 0) {
          throw new VolleyError('CORRUPT_PARTITION', `spill file ${spilled.path} is cut short`, {
            file: spilled.path,
          });
        }
        at += bytesRead;
      }
    } finally {
      await file.close();
    }
  }

  async remove(spilled: SpillFile): Promise<void> {
    await rm(spilled.path, { force: true });
  }

  async close(): Promise<void> {
    if (this.folder === null) return;
    const folder = await this.folder.catch(() => null);
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }

  private open(): Promise<string> {
    this.folder ??= this.make();
    return this.folder;
  }

  private async make(): Promise<string> {
    const base = this.base ?? tmpdir();
    await mkdir(base, { recursive: true });
    return mkdtemp(join(base, folderPrefix('spill', process.pid)));
  }
}
