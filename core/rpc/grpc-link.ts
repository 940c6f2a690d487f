import type { ErrorCode } from '../base/errors.js';
import type { Codec } from '../wire/codec.js';
import { type LinkLimits, Outbox } from './outbox.js';
import type { CloseReason, Link } from './transport.js';

/** What both ends of a gRPC call are, as far as a link is concerned. */
export interface FrameStream {
  write(frame: Buffer, taken: () => void): boolean;
  end(): unknown;
  resume(): unknown;
  on(event: 'data', handler: (frame: Buffer) => void): unknown;
  on(event: 'drain', handler: () => void): unknown;
}

/** What differs between the two ends of a gRPC stream. */
export interface StreamEnd {
  /** Ends the call at once, telling the peer why where that is possible. */
  abort(code: ErrorCode, message: string): void;
  /** After the link has closed for good: frees the channel. */
  free(): void;
}

/** An empty frame says that the end that follows is meant. Without it a reset stream looks the same to a server. */
const farewell = Buffer.alloc(0);

/**
 * One end of a bidirectional gRPC stream as a Link. The stream carries frames as bytes (pass-through serialisers),
 * so a frame that cannot be decoded is this link's affair and not gRPC's.
 */
export class GrpcLink<In, Out> implements Link<In, Out> {
  readonly peer: string;
  private readonly stream: FrameStream;
  private readonly end: StreamEnd;
  private readonly bounds: LinkLimits;
  private readonly reading: Codec<In>;
  private readonly writing: Codec<Out>;
  private readonly outbox: Outbox<Out>;
  /** Bytes given to the stream that it has not given to the network. */
  private inStream = 0;
  /** The stream asked to wait for 'drain'. */
  private blocked = false;
  private ending = false;
  private farewellHeard = false;
  private closed: CloseReason | null = null;
  private closeTimer: NodeJS.Timeout | null = null;
  private batchHandler: ((batch: readonly In[]) => void) | null = null;
  private closeHandler: ((reason: CloseReason) => void) | null = null;

  constructor(
    stream: FrameStream,
    end: StreamEnd,
    options: { peer: string; bounds: LinkLimits; reading: Codec<In>; writing: Codec<Out> },
  ) {
    this.stream = stream;
    this.end = end;
    this.peer = options.peer;
    this.bounds = options.bounds;
    this.reading = options.reading;
    this.writing = options.writing;
    this.outbox = new Outbox(this.bounds, () => this.pump(false));
    stream.on('drain', () => {
      this.blocked = false;
      this.pump(false);
    });
  }

  send(message: Out): void {
    if (this.ending || this.closed) return;
    this.outbox.push(message);
    if (this.outbox.bytes + this.inStream > this.bounds.backlogBytes) {
      this.fail(
        'RESOURCE_EXHAUSTED',
        `${this.peer} reads too slowly: over ${this.bounds.backlogBytes} bytes wait`,
      );
    }
  }

  flush(): void {
    this.pump(false);
  }

  /** Reading starts with the handler, so what arrives earlier waits in the stream and its flow control. */
  onBatch(handler: (batch: readonly In[]) => void): void {
    this.batchHandler = handler;
    if (!this.closed) this.stream.on('data', (frame: Buffer) => this.receive(frame));
  }

  onClose(handler: (reason: CloseReason) => void): void {
    this.closeHandler = handler;
    const reason = this.closed;
    if (reason) setImmediate(() => handler(reason));
  }

  close(): void {
    if (this.ending || this.closed) return;
    this.pump(true);
    if (this.closed) return;
    this.ending = true;
    this.stream.write(farewell, () => undefined);
    this.stream.end();
    this.stream.resume();
    this.closeTimer = setTimeout(
      () => this.fail('UNREACHABLE', `${this.peer} did not end the stream`),
      this.bounds.closeMs,
    );
  }

  /** The peer has ended its half: on purpose if it said farewell. This side answers by ending its own. */
  peerEnded(): void {
    if (this.closed) return;
    if (this.ending) {
      this.finish({ clean: true, message: 'closed' });
    } else if (this.farewellHeard) {
      this.pump(true);
      this.stream.end();
      this.finish({ clean: true, message: `${this.peer} closed the stream` });
    } else {
      this.stream.end();
      this.broke('UNREACHABLE', `the stream of ${this.peer} broke`);
    }
  }

  /** The stream broke, or the peer ended it with a status. */
  broke(code: ErrorCode, message: string): void {
    if (this.ending && code === 'UNREACHABLE') {
      this.finish({ clean: true, message: 'closed' });
    } else {
      this.finish({ clean: false, message, code });
    }
  }

  /** Gives up on this side. */
  private fail(code: ErrorCode, message: string): void {
    if (this.closed) return;
    this.finish({ clean: false, message: `${code}: ${message}`, code }, () => this.end.abort(code, message));
  }

  private finish(reason: CloseReason, before?: () => void): void {
    if (this.closed) return;
    this.closed = reason;
    this.outbox.clear();
    if (this.closeTimer) clearTimeout(this.closeTimer);
    before?.();
    // Handlers never run inside the caller's send() or close().
    setImmediate(() => {
      this.end.free();
      this.closeHandler?.(reason);
    });
  }

  private receive(frame: Buffer): void {
    if (this.closed || this.ending) return;
    if (frame.byteLength === 0) {
      this.farewellHeard = true;
      return;
    }
    let batch: readonly In[];
    try {
      batch = this.reading.decode(frame);
    } catch (error) {
      this.fail('DECODE', `a frame of ${this.peer}: ${(error as Error).message}`);
      return;
    }
    this.batchHandler?.(batch);
  }

  /** Writes batches while the stream has room; `all`: regardless of room, because the stream is about to end. */
  private pump(all: boolean): void {
    while (!this.closed && !this.ending && (all || !this.blocked)) {
      const batch = this.outbox.take();
      if (batch === null) return;
      this.write(batch.messages);
    }
  }

  private write(messages: readonly Out[]): void {
    const frame = this.encode(messages);
    if (frame === null) return;
    if (frame.byteLength > this.bounds.messageBytes) {
      if (messages.length === 1) {
        this.fail(
          'RESOURCE_EXHAUSTED',
          `a message of ${frame.byteLength} bytes is over the limit of ${this.bounds.messageBytes}`,
        );
        return;
      }
      const half = messages.length >> 1;
      this.write(messages.slice(0, half));
      if (!this.closed) this.write(messages.slice(half));
      return;
    }
    this.inStream += frame.byteLength;
    const room = this.stream.write(frame, () => {
      this.inStream -= frame.byteLength;
    });
    if (!room) this.blocked = true;
  }

  private encode(messages: readonly Out[]): Buffer | null {
    try {
      return this.writing.encode(messages);
    } catch (error) {
      this.fail('SERIALIZATION', `a message to ${this.peer} cannot be encoded: ${(error as Error).message}`);
      return null;
    }
  }
}
