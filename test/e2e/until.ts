import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `condition` holds. The test's own time limit bounds it: a hang fails there. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

/** True while a process of that number exists (and is not a zombie that nobody has waited for). */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
