import { channel } from 'node:diagnostics_channel';
import type { LaneResult } from '../state/api.js';

/** Tasks of one template that a thread has reported as ended. */
export interface TasksEnded {
  readonly name: string;
  readonly tasks: number;
  /** Summed: wall time in the thread, rows and bytes of the results. */
  readonly durationUs: number;
  readonly rows: number;
  readonly bytes: number;
}

/** Gets TasksEnded of every pool in this process: for profiles. */
export const tasksEnded = channel('volley.tasks-ended');

/** One comparison a report while nobody subscribes. */
export function publishEnded(name: string, ends: readonly LaneResult[]): void {
  if (!tasksEnded.hasSubscribers) return;
  let [durationUs, rows, bytes] = [0, 0, 0];
  for (const end of ends) {
    durationUs += end.durationUs;
    rows += end.rows;
    bytes += end.bytes;
  }
  const message: TasksEnded = { name, tasks: ends.length, durationUs, rows, bytes };
  tasksEnded.publish(message);
}
