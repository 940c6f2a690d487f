import { type Clock, monotonicClock } from '../base/clock.js';
import { limits } from '../base/limits.js';
import { SocketConnection, SocketUnavailable } from './bulk-socket-client.js';

/** Connections to Unix sockets, reused per peer, and the sockets that lately failed. */
export class SocketPool {
  private readonly idle = new Map<string, SocketConnection[]>();
  private readonly busy = new Set<SocketConnection>();
  private idleCount = 0;
  /** Path → time until which it is left alone. */
  private readonly failed = new Map<string, number>();
  private readonly clock: Clock;

  constructor(clock: Clock = monotonicClock) {
    this.clock = clock;
  }

  mayTry(path: string): boolean {
    const untilMs = this.failed.get(path);
    if (untilMs === undefined) return true;
    if (this.clock.nowMs() < untilMs) return false;
    this.failed.delete(path);
    return true;
  }

  /** Leaves a socket alone for a while. */
  avoid(path: string): void {
    if (this.failed.size >= limits.socketFailures) this.failed.delete(this.failed.keys().next().value!);
    this.failed.set(path, this.clock.nowMs() + limits.socketRetryMs);
  }

  /** Runs one transfer. One that was kept may have been closed by its server: then a new connection gets a try. */
  async use<T>(path: string, transfer: (connection: SocketConnection) => Promise<T>): Promise<T> {
    for (;;) {
      const connection = this.take(path);
      const isOld = connection.uses > 0;
      this.busy.add(connection);
      try {
        return await transfer(connection);
      } catch (error) {
        if (!(isOld && error instanceof SocketUnavailable)) throw error;
      } finally {
        this.busy.delete(connection);
        this.keep(connection);
      }
    }
  }

  close(): void {
    for (const connection of [...this.busy, ...[...this.idle.values()].flat()]) connection.destroy();
    this.idle.clear();
    this.idleCount = 0;
  }

  private take(path: string): SocketConnection {
    const kept = this.idle.get(path) ?? [];
    while (kept.length > 0) {
      const connection = kept.pop()!;
      this.idleCount--;
      if (kept.length === 0) this.idle.delete(path);
      if (connection.isUsable) return connection;
    }
    try {
      return new SocketConnection(path);
    } catch (error) {
      throw new SocketUnavailable((error as Error).message);
    }
  }

  private keep(connection: SocketConnection): void {
    if (!connection.isUsable) return;
    if (this.idleCount >= limits.idleSockets) this.prune();
    const kept = this.idle.get(connection.path) ?? [];
    if (kept.length >= limits.idleSocketsPerPeer || this.idleCount >= limits.idleSockets) {
      connection.destroy();
      return;
    }
    connection.rest();
    kept.push(connection);
    this.idle.set(connection.path, kept);
    this.idleCount++;
  }

  /** Forgets connections that ended while they were idle. */
  private prune(): void {
    this.idleCount = 0;
    for (const [path, kept] of this.idle) {
      const alive = kept.filter(connection => connection.isUsable);
      if (alive.length === 0) this.idle.delete(path);
      else this.idle.set(path, alive);
      this.idleCount += alive.length;
    }
  }
}
