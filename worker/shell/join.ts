import { VolleyError } from '../../core/base/errors.js';
import { limits } from '../../core/base/limits.js';
import type { CloseReason, Link, PeerSecurity, Transport } from '../../core/rpc/transport.js';
import type { HeadToWorker, WorkerHello, WorkerToHead, WorkerWelcome } from '../../core/wire/messages.js';

/** A worker's stream after the handshake. */
export interface Joined {
  readonly link: Link<HeadToWorker, WorkerToHead>;
  readonly welcome: WorkerWelcome;
  /** Hands over what comes after the welcome, what came already first. Set once. */
  onMessages(handler: (messages: readonly HeadToWorker[]) => void): void;
  readonly ended: Promise<CloseReason>;
}

/** Opens the stream, says hello, waits for the welcome. Rejects with UNREACHABLE, or with the code of the refusal. */
export async function joinHead(
  transport: Transport,
  head: string,
  security: PeerSecurity,
  hello: WorkerHello,
): Promise<Joined> {
  const link = await transport.joinAsWorker(head, security);
  const early: HeadToWorker[] = [];
  let deliver: ((messages: readonly HeadToWorker[]) => void) | null = null;
  let settle: (message: HeadToWorker) => void = () => {};
  const first = new Promise<HeadToWorker>(resolve => {
    settle = resolve;
  });
  let greeted = false;
  link.onBatch(batch => {
    let rest = batch;
    if (!greeted && batch.length > 0) {
      greeted = true;
      settle(batch[0]!);
      rest = batch.slice(1);
    }
    if (deliver !== null) deliver(rest);
    else early.push(...rest);
  });
  const ended = new Promise<CloseReason>(resolve => link.onClose(resolve));
  link.send(hello);
  link.flush();
  const welcome = await welcomeOf(first, ended, head).catch(error => {
    link.close();
    throw error;
  });
  return {
    link,
    welcome,
    ended,
    onMessages(handler) {
      deliver = handler;
      if (early.length > 0) handler(early.splice(0));
    },
  };
}

async function welcomeOf(
  first: Promise<HeadToWorker>,
  ended: Promise<CloseReason>,
  head: string,
): Promise<WorkerWelcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>(resolve => {
    timer = setTimeout(() => resolve('late'), limits.handshakeMs);
  });
  const answer = await Promise.race([first, ended, late]);
  clearTimeout(timer);
  if (answer === 'late') {
    throw new VolleyError('UNREACHABLE', `head ${head} did not answer within ${limits.handshakeMs} ms`, {
      address: head,
    });
  }
  if (!('kind' in answer)) {
    throw new VolleyError('UNREACHABLE', `head ${head} ended the stream: ${answer.message}`, {
      address: head,
    });
  }
  if (answer.kind === 'refused') throw new VolleyError(answer.code, answer.message, { address: head });
  if (answer.kind !== 'worker-welcome') {
    throw new VolleyError('PROTOCOL', `head ${head} began with ${answer.kind} instead of a welcome`, {
      address: head,
    });
  }
  return answer;
}
