import { VolleyError } from '../base/errors.js';
import { limits } from '../base/limits.js';
import { type FaultEvent, type FaultKind, faultKinds, type RetryTicket } from './notifier.js';

/** The names Volley uses in NATS. They contain the cluster's name, which therefore is checked. */
export interface Subjects {
  /** Subject of one kind of fault. */
  fault(kind: FaultKind): string;
  readonly allFaults: string;
  readonly retry: string;
  readonly retryStream: string;
  readonly deadLetter: string;
  readonly deadStream: string;
}

export function subjectsOf(cluster: string): Subjects {
  checkClusterName(cluster);
  return {
    fault: kind => `volley.${cluster}.fault.${kind}`,
    allFaults: `volley.${cluster}.fault.>`,
    retry: `volley.${cluster}.retry`,
    retryStream: `VOLLEY_RETRY_${cluster}`,
    deadLetter: `volley.${cluster}.dead-letter`,
    deadStream: `VOLLEY_DEAD_${cluster}`,
  };
}

/** Throws INVALID_ARGUMENT unless the name can stand in a NATS subject. */
export function checkClusterName(name: string): void {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(name)) {
    throw new VolleyError(
      'INVALID_ARGUMENT',
      `'${name}' cannot name a cluster: use 1 to 64 letters, digits and '-', as in 'prod-2'`,
      { name },
    );
  }
}

/** What a retry ticket looks like in NATS. `notBefore`: milliseconds since 1970, since a new head has another clock. */
export interface StoredTicket extends RetryTicket {
  readonly notBefore: number;
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();

export function encodeJson(value: object): Uint8Array {
  return utf8Encoder.encode(JSON.stringify(value));
}

/** Parses the JSON object of one message; null when it is none or too large. */
function decodeJson(bytes: Uint8Array): Record<string, unknown> | null {
  if (bytes.length > limits.natsMessageBytes) return null;
  try {
    const value: unknown = JSON.parse(utf8Decoder.decode(bytes));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** A fault event with its text cut to limits.faultDetailBytes: small JSON, whatever a task's error said. */
export function encodeFault(event: FaultEvent): Uint8Array {
  const { detail } = event;
  if (detail.length <= limits.faultDetailBytes) return encodeJson(event);
  return encodeJson({ ...event, detail: `${detail.slice(0, limits.faultDetailBytes)}…` });
}

const requiredTexts = ['cluster', 'source', 'at', 'detail'] as const;
const optionalTexts = ['workerName', 'task', 'taskName'] as const;
const optionalNumbers = ['worker', 'pid', 'attempt'] as const;

/** Null for anything that is not a fault event of this version. Unknown fields are left out. */
export function decodeFault(bytes: Uint8Array): FaultEvent | null {
  const value = decodeJson(bytes);
  if (value === null || value.version !== 1) return null;
  if (!faultKinds.includes(value.kind as FaultKind)) return null;
  const event: Record<string, unknown> = { version: 1, kind: value.kind };
  for (const field of requiredTexts) {
    if (typeof value[field] !== 'string') return null;
    event[field] = value[field];
  }
  for (const field of optionalTexts) {
    if (typeof value[field] === 'string') event[field] = value[field];
  }
  for (const field of optionalNumbers) {
    if (typeof value[field] === 'number') event[field] = value[field];
  }
  return event as unknown as FaultEvent;
}

/** Null for anything that is not a ticket. */
export function decodeTicket(bytes: Uint8Array): StoredTicket | null {
  const value = decodeJson(bytes);
  if (value === null) return null;
  const { job, index, attempt, notBefore } = value;
  if (!isCount(job) || !isCount(index) || !isCount(attempt) || !isCount(notBefore)) return null;
  return { job, index, attempt, notBefore };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A ticket's name in maps and as a part of its message id. */
export function ticketKey(ticket: RetryTicket): string {
  return `${ticket.job}/${ticket.index}/${ticket.attempt}`;
}
