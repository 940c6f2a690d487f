import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions, NatsConnection } from 'nats';
import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import type { Log } from '../base/log.js';

/** Something that uses the connection while there is one. */
export interface NatsUser {
  /** For the log. */
  readonly name: string;
  /** Sets itself up on a fresh connection. Repeated while it rejects and the connection lives. */
  attach(connection: NatsConnection): Promise<void>;
  /** The connection is gone. */
  detach(): void;
}

export interface NatsTarget {
  /** `nats://host:port`, without credentials: fit for logs. */
  readonly server: string;
  readonly options: ConnectionOptions;
}

/** Reads `nats://[token@]host[:port]` (also user:password, and tls:// for TLS). Throws INVALID_ARGUMENT. */
export function parseNatsUrl(text: string, token: string | undefined): NatsTarget {
  let url: URL | null = null;
  try {
    url = new URL(text);
  } catch {
    // Reported below.
  }
  if (url === null || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `'${text}' is no NATS address: write nats://host:4222, nats://token@host:4222 or tls://host:4222`,
    );
  }
  const server = `${url.hostname}:${url.port || 4222}`;
  const user = decodeURIComponent(url.username);
  const pass = decodeURIComponent(url.password);
  const credentials =
    token !== undefined ? { token } : pass !== '' ? { user, pass } : user !== '' ? { token: user } : {};
  const tls = url.protocol === 'tls:' ? { tls: {} } : {};
  return { server: `${url.protocol}//${server}`, options: { servers: server, ...credentials, ...tls } };
}

/**
 * Keeps a connection to NATS for its users, for as long as it is open: the first one and every later one are made by
 * the same loop, so that a server that is down at the start, lost later, or refuses the token is one case, not three.
 * (The client's own reconnect would buffer without a bound meanwhile, and gives up on a refused token.)
 * Each change for the worse is said once, and so is the return.
 */
export class NatsConnector {
  readonly #target: NatsTarget;
  readonly #users: readonly NatsUser[];
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #firstAttempt: Promise<void>;
  readonly #ended: Promise<void>;
  #connection: NatsConnection | null = null;
  #said = '';

  constructor(target: NatsTarget, name: string, users: readonly NatsUser[], log: Log) {
    this.#target = {
      server: target.server,
      options: {
        ...target.options,
        name,
        reconnect: false,
        pingInterval: limits.natsPingMs,
        maxPingOut: 2,
        timeout: limits.natsAnswerMs,
        noEcho: true, // Listeners of this process hear its own events without NATS.
      },
    };
    this.#users = users;
    this.#log = log;
    let firstDone = () => {};
    this.#firstAttempt = new Promise(resolve => {
      firstDone = resolve;
    });
    this.#ended = this.#run(firstDone);
  }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  get firstAttempt(): Promise<void> {
    return this.#firstAttempt;
  }

  async #run(firstDone: () => void): Promise<void> {
    const { connect } = await import('nats');
    let waitMs: number = limits.natsReconnectMinMs;
    while (!this.#stop.signal.aborted) {
      try {
        const connection = await connect(this.#target.options);
        this.#connection = connection;
        waitMs = limits.natsReconnectMinMs;
        if (this.#stop.signal.aborted) await connection.close();
        else await this.#use(connection, firstDone);
      } catch (error) {
        this.#sayDown(error);
      }
      firstDone();
      await this.#pause(waitMs);
      waitMs = Math.min(2 * waitMs, limits.natsReconnectMaxMs);
    }
  }

  /** Resolves when the connection has ended. */
  async #use(connection: NatsConnection, firstDone: () => void): Promise<void> {
    const closed = connection.closed();
    const first = await Promise.all(this.#users.map(user => this.#attach(user, connection)));
    firstDone();
    const failed = this.#users.filter((_, index) => !first[index]);
    const attached = Promise.all(failed.map(user => this.#attachLater(user, connection)));
    void attached.then(() => {
      if (connection.isClosed()) return;
      this.#say('up', () => this.#log.info('connected to NATS', { server: this.#target.server }));
    });
    const error = await closed;
    this.#connection = null;
    for (const user of this.#users) user.detach();
    if (!this.#stop.signal.aborted) this.#sayDown(error ?? 'the connection ended');
  }

  /** One user that cannot set itself up (JetStream off, say) does not keep the others from working. */
  async #attach(user: NatsUser, connection: NatsConnection): Promise<boolean> {
    try {
      await user.attach(connection);
      return true;
    } catch (error) {
      if (!connection.isClosed()) {
        this.#say(`no ${user.name}`, () =>
          this.#log.warn(`NATS does not take the ${user.name}: they stay in this process until it does`, {
            server: this.#target.server,
            error: String(error),
          }),
        );
      }
      return false;
    }
  }

  async #attachLater(user: NatsUser, connection: NatsConnection): Promise<void> {
    let waitMs: number = limits.natsReconnectMinMs;
    do {
      await this.#pause(waitMs);
      waitMs = Math.min(2 * waitMs, limits.natsReconnectMaxMs);
    } while (!connection.isClosed() && !(await this.#attach(user, connection)));
  }

  async #pause(waitMs: number): Promise<void> {
    await sleep(waitMs, undefined, { signal: this.#stop.signal }).catch(() => {});
  }

  #sayDown(error: unknown): void {
    const code = (error as { code?: string } | null)?.code ?? '';
    const refused = code === 'AUTHORIZATION_VIOLATION' || code === 'AUTHENTICATION_EXPIRED';
    const why = refused
      ? 'NATS refuses the token (give it in the URL, nats://token@host:4222, or with --nats-token-file)'
      : 'NATS cannot be reached';
    this.#say(refused ? 'refused' : 'down', () =>
      this.#log.warn(`${why}; jobs go on without it, and it is tried again`, {
        server: this.#target.server,
        error: error instanceof Error ? error.message : String(error),
      }),
    );
  }

  #say(state: string, say: () => void): void {
    if (this.#said === state) return;
    this.#said = state;
    say();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const connection = this.#connection;
    if (connection !== null) {
      await Promise.race([
        connection.flush().catch(() => {}),
        sleep(limits.natsAnswerMs, undefined, { ref: false }),
      ]);
      await connection.close();
    }
    await this.#ended;
  }
}
