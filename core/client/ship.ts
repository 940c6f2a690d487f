import { createHash } from 'node:crypto';
import { packData } from '../wire/msgpack.js';

/** A function as it travels. */
export interface ShippedFunction {
  /** Content hash of `body`: equal functions have equal hashes. */
  readonly hash: string;
  /** For people. */
  readonly name: string;
  /** Body of a 'function' template: what reviveFunction() takes. */
  readonly body: Uint8Array;
}

export function shipFunction(fn: Function): ShippedFunction {
  const body = packData({ kind: 'function', name: fn.name, source: String(fn), imports: [] });
  return { hash: createHash('sha256').update(body).digest('hex').slice(0, 32), name: fn.name, body };
}
