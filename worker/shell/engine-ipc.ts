import type { ErrorCode } from '../../core/base/errors.js';
import type { TlsFiles } from '../../core/rpc/transport.js';
import type { EngineDeath } from '../../core/wire/messages.js';

/** How to run a worker node. Plain data: survives JSON. */
export interface WorkerOptions {
  /** host:port of the head. */
  readonly head: string;
  readonly token: string | null;
  readonly tls: TlsFiles | null;
  /** Default: hostname-pid. */
  readonly name?: string;
  /** Where the data plane listens. */
  readonly host: string;
  readonly threads: number;
  readonly memoryBytes: number;
  readonly spillDir: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: Readonly<Record<string, number>>;
  readonly allowPaths: readonly string[] | null;
  /** URL of NATS; '': what the head says. */
  readonly nats: string;
}

/** Supervisor → engine. */
export type ToEngine =
  | {
      readonly kind: 'start';
      readonly options: WorkerOptions;
      readonly name: string;
      readonly supervisorPid: number;
      readonly death: EngineDeath | null;
      /** Where the engine writes what its threads run. */
      readonly runningFile: string;
    }
  | { readonly kind: 'shutdown' };

/** Engine → supervisor. */
export type FromEngine =
  | { readonly kind: 'ready'; readonly worker: number; readonly enginePid: number }
  /** It could not join. */
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** It ends in an orderly way. `final`: as asked by the head or its supervisor; else it wants to join again. */
  | { readonly kind: 'ended'; readonly reason: string; readonly final: boolean }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly fields: Record<string, unknown>;
    };
