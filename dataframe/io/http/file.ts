import { limits } from '../../../core/base/limits.js';
import { badData } from '../errors.js';
import type { IoEnv, SourceHandle } from '../source.js';
import { type Answer, checkStatus, failure, getRange, networkFailure, withRetries } from './request.js';

/**
 * Opens an http(s) URL. One request for its first byte tells the size and whether the server gives ranges; with HEAD it
 * would take two, and signed URLs are often good for GET alone. Without ranges a small file is read whole.
 * @throws FILE_NOT_FOUND, ACCESS_DENIED, UNREACHABLE, UNSUPPORTED (no ranges, and too large)
 */
export async function openHttp(name: string, env: IoEnv): Promise<{ handle: SourceHandle; size: number }> {
  return withRetries(async () => {
    const answer = await getRange(name, 0, 0, env);
    try {
      const { response } = answer;
      checkStatus(response, name, env);
      if (response.status === 200) {
        const whole = await readWhole(answer, name, env);
        return { handle: bufferHandle(whole), size: whole.length };
      }
      const size = sizeOf(response, name, env);
      return { handle: new HttpFile(name, size, versionOf(response), env), size };
    } finally {
      answer.end();
    }
  });
}

/** `Content-Range: bytes 0-0/12345`, or `bytes *` and 0 with 416 for an empty file. */
function sizeOf(response: Response, name: string, env: IoEnv): number {
  const size = /^bytes (?:\d+-\d+|\*)\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
  if (size === undefined || (response.status === 416 && size !== '0')) {
    throw failure('UNSUPPORTED', name, env, 'does not tell its size: download the file first');
  }
  return Number(size);
}

/** What changes when the file does; null where the server tells nothing. */
function versionOf(response: Response): string | null {
  const tag = response.headers.get('etag');
  return tag !== null && !tag.startsWith('W/') ? tag : response.headers.get('last-modified');
}

async function readWhole(answer: Answer, name: string, env: IoEnv): Promise<Buffer> {
  const claimed = Number(answer.response.headers.get('content-length') ?? 0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (claimed <= limits.httpWholeBytes) {
    for await (const chunk of bodyOf(answer, name, env)) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > limits.httpWholeBytes) break;
    }
  }
  if (Math.max(claimed, bytes) > limits.httpWholeBytes) {
    const what = `is on a server without range requests, and larger than ${limits.httpWholeBytes} bytes: download it first`;
    throw failure('UNSUPPORTED', name, env, what);
  }
  return Buffer.concat(chunks);
}

function bufferHandle(whole: Buffer): SourceHandle {
  return {
    async read(buffer, offset, length, position) {
      return { bytesRead: whole.copy(buffer, offset, position, Math.min(whole.length, position + length)) };
    },
    async close() {},
  };
}

/** The pieces of a body as they come. A connection that breaks off is worth another attempt. */
async function* bodyOf(answer: Answer, name: string, env: IoEnv): AsyncGenerator<Uint8Array> {
  const { body } = answer.response;
  if (body === null) return;
  const reader = body.getReader();
  for (;;) {
    let piece: Awaited<ReturnType<typeof reader.read>>;
    try {
      piece = await reader.read();
    } catch (error) {
      throw networkFailure(error, answer.silent(), name, env);
    }
    if (piece.done) return;
    answer.heard();
    yield piece.value;
  }
}

class HttpFile implements SourceHandle {
  readonly #name: string;
  readonly #size: number;
  readonly #version: string | null;
  readonly #env: IoEnv;

  constructor(name: string, size: number, version: string | null, env: IoEnv) {
    this.#name = name;
    this.#size = size;
    this.#version = version;
    this.#env = env;
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }> {
    const wanted = Math.max(0, Math.min(length, this.#size - position));
    let filled = 0;
    while (filled < wanted) {
      // What an attempt has brought stays: the next one asks for the rest.
      await withRetries(async () => {
        const from = position + filled;
        const answer = await getRange(this.#name, from, position + wanted - 1, this.#env);
        try {
          this.#check(answer.response, from);
          for await (const piece of bodyOf(answer, this.#name, this.#env)) {
            const room = wanted - filled;
            buffer.set(piece.length > room ? piece.subarray(0, room) : piece, offset + filled);
            filled += Math.min(room, piece.length);
            if (filled === wanted) return;
          }
          throw networkFailure(null, false, this.#name, this.#env);
        } finally {
          answer.end();
        }
      });
    }
    return { bytesRead: filled };
  }

  /** @throws BAD_DATA when the file is not the one that was opened */
  #check(response: Response, from: number): void {
    checkStatus(response, this.#name, this.#env);
    const range = response.headers.get('content-range') ?? '';
    const version = versionOf(response);
    const same = this.#version === null || version === null || version === this.#version;
    if (
      response.status !== 206 ||
      !range.startsWith(`bytes ${from}-`) ||
      !same ||
      !range.endsWith(`/${this.#size}`)
    ) {
      throw badData({ file: this.#name }, 'the file changed, or its server gives ranges only sometimes');
    }
  }

  async close(): Promise<void> {}
}
