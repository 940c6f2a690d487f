import { readFileSync } from 'node:fs';

const everyMs = 50;

/** What a process holds in memory, or held at most; 0 when it is gone. */
export function residentBytes(pid: number | 'self', field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The largest sum of the resident bytes of some processes while `work` runs. */
export async function withPeakResident<T>(
  pids: () => readonly number[],
  work: () => Promise<T>,
): Promise<{ value: T; peakBytes: number }> {
  let peakBytes = 0;
  const look = () => {
    peakBytes = Math.max(
      peakBytes,
      pids().reduce((sum, pid) => sum + residentBytes(pid), 0),
    );
  };
  const timer = setInterval(look, everyMs);
  try {
    const value = await work();
    look();
    return { value, peakBytes };
  } finally {
    clearInterval(timer);
  }
}
