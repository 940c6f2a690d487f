import { type HeadToClient, type HeadToWorker, Outcome } from '../../../core/wire/messages.js';

/** What a message says, a line per task. The tables everyone is sent and templates are no news. */
export function describeToWorker(message: HeadToWorker, name: (index: number) => string): string[] {
  const each = (verb: string, indices: Uint32Array, attempts?: Uint32Array) =>
    Array.from(
      indices,
      (index, i) => `${verb} ${name(index)}${attempts === undefined ? '' : `#${attempts[i]}`}`,
    );
  switch (message.kind) {
    case 'peers':
    case 'template':
      return [];
    case 'assign-tasks':
      return each('assign', message.indices, message.attempts);
    case 'cancel-tasks':
      return each('cancel', message.indices, message.attempts);
    case 'retract-tasks':
      return each('retract', message.indices, message.attempts);
    case 'free-results':
      return each('free', message.indices);
    case 'drop-job':
      return [`drop-job ${message.job}`];
    default:
      return [message.kind];
  }
}

/** The same for a client. */
export function describeToClient(message: HeadToClient, name: (index: number) => string): string[] {
  switch (message.kind) {
    case 'peers':
      return [];
    case 'task-results':
      return Array.from(message.indices, (index, i) => {
        const outcome = message.outcomes[i];
        const failure = message.failures?.[i] ?? null;
        if (outcome === Outcome.Cancelled) return `${name(index)} cancelled`;
        if (outcome === Outcome.Failed) return `${name(index)} failed ${failure?.code ?? failure?.name}`;
        return `${name(index)} done`;
      });
    case 'put-lost':
      return Array.from(message.indices, index => `put-lost ${name(index)}`);
    default:
      return [message.kind];
  }
}
