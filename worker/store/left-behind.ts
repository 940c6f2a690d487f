import { readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** A worker's own folders: spilled partitions of an engine, notes of a supervisor. */
export type FolderKind = 'spill' | 'worker';

/** How the folders of a process are called. The host is in the name, because containers may share a folder but not pids. */
export function folderPrefix(kind: FolderKind, pid: number): string {
  return `volley-${kind}-${hostname()}-${pid}-`;
}

/** Removes the folders of this kind in `parent` that belong to a process of this host that is dead; `pid`: only those of that one. */
export function removeLeftBehind(parent: string, kind: FolderKind, pid?: number): void {
  const start = `volley-${kind}-${hostname()}-`;
  for (const name of foldersIn(parent)) {
    if (!name.startsWith(start)) continue;
    const owner = Number.parseInt(name.slice(start.length), 10);
    const left = pid === undefined ? isDead(owner) : owner === pid;
    if (left) rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function foldersIn(parent: string): string[] {
  try {
    return readdirSync(parent);
  } catch {
    return []; // Nothing was ever spilled there.
  }
}

function isDead(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
