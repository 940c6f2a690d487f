import { unpackData } from '../wire/msgpack.js';
import { taskContext } from './task-context.js';

export async function reviveFunction(body: Uint8Array): Promise<(...args: unknown[]) => unknown> {
  const { source } = unpackData<{ source: string }>(body);
  return new Function('taskContext', `'use strict'; return (${source});`)(taskContext);
}
