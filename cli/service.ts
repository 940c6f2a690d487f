import type { HeadMessage, ReadyMessage } from '../core/base/forked.js';
import type { Log } from '../core/base/log.js';

/** Exit code of a process that a signal ended, as shells count it. */
const signalExitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * Runs a service until it is told to stop: by SIGINT, SIGTERM or SIGHUP (the second one ends it at once), or by its
 * parent's end when it was forked. `close` is given a reason and closes in an orderly way. Exits 0 then.
 */
export function stopOnSignals(close: (reason: string) => Promise<void>, log: Log): void {
  let stopping = false;
  const stop = (reason: string, hardExitCode: number) => {
    if (stopping) process.exit(hardExitCode);
    stopping = true;
    log.info('stopping', { reason });
    close(reason).then(
      () => process.exit(0),
      error => {
        log.error('could not stop in an orderly way', { error: String(error?.stack ?? error) });
        process.exit(1);
      },
    );
  };
  for (const [signal, code] of Object.entries(signalExitCodes)) process.on(signal, () => stop(signal, code));
  if (process.send !== undefined) process.once('disconnect', () => stop('the parent process is gone', 1));
}

/** The address the parent sends. Never, when it sends none: the process ends with its parent. */
export function addressFromParent(): Promise<string> {
  return new Promise(resolve => {
    process.once('message', (message: HeadMessage) => resolve(message.address));
  });
}

export function tellParent(message: ReadyMessage): void {
  process.send?.(message);
}
