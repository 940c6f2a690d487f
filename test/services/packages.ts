import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

/** Where unpacked servers are kept between runs, outside the repository. Those that refuse root run as another user, who cannot see root's home. */
export function cacheFolder(name: string): string {
  const home =
    process.getuid?.() === 0 ? '/var/cache' : process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(home, 'volley', name);
}

/** The path of an executable on PATH or in one of these folders. */
export function findExecutable(name: string, folders: readonly string[]): string | null {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...folders]) {
    if (folder === '') continue;
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/**
 * Unpacks packages of the distribution, with whatever they need that is not installed, into `folder`; needs no root.
 * The rename at the end makes it whole or absent, whoever else unpacks at the same time.
 */
export function unpackPackages(names: readonly string[], folder: string): void {
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}-download-`);
  try {
    for (const archive of download(work, names)) {
      execFileSync('dpkg', ['-x', join(work, archive), join(work, 'out')], { stdio: 'pipe' });
    }
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'out'), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Fetches packages into a folder and returns their file names. Brings package lists of its own where the machine has none. */
function download(folder: string, names: readonly string[]): string[] {
  let options: string[] = [];
  const aptGet = (...args: string[]) =>
    execFileSync('apt-get', [...options, ...args], {
      cwd: folder,
      stdio: 'pipe',
      timeout: 180_000,
      encoding: 'utf8',
    });
  const fetchAll = () => aptGet('download', ...names, ...missing(aptGet, names));
  try {
    fetchAll();
  } catch {
    for (const part of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(folder, part), { recursive: true });
    const own = [`Dir::State::lists=${join(folder, 'lists')}`, `Dir::Cache=${join(folder, 'cache')}`];
    options = own.flatMap(option => ['-o', option]);
    aptGet('update');
    fetchAll();
  }
  const archives = readdirSync(folder).filter(name => name.endsWith('.deb'));
  if (archives.length === 0) throw new Error('apt-get download left no package');
  return archives;
}

/** What would have to be installed along with the packages. */
function missing(aptGet: (...args: string[]) => string, names: readonly string[]): string[] {
  const plan = aptGet('install', '--simulate', '--no-install-recommends', '-qq', ...names);
  return [...plan.matchAll(/^Inst (\S+)/gm)].map(match => match[1]!).filter(name => !names.includes(name));
}
