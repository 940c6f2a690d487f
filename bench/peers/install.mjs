/** npm run bench:peers: the peers from npm beside this file, those from Python in an environment outside the repository. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const environment = join(homedir(), '.cache', 'volley', 'peers-venv');
const python = join(environment, 'bin', 'python');

function run(command, args) {
  console.log(`${command} ${args.join(' ')}`);
  return spawnSync(command, args, { cwd: here, stdio: 'inherit' }).status === 0;
}

const npm = run('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund']);
mkdirSync(join(environment, '..'), { recursive: true });
const venv = existsSync(python) || run('python3', ['-m', 'venv', environment]);
const pip = venv && run(python, ['-m', 'pip', 'install', '--quiet', '--upgrade', '-r', 'requirements.txt']);
if (!pip) console.log('The Python peers are missing: the benches will say so and go on.');
if (!npm) process.exitCode = 1;
