import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { entryFile } from '../../core/base/entries.js';
import { packageRoot } from '../../core/base/version.js';

/** Programs that the end-to-end tests run as processes of their own. */

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A child process whose output is kept, and can be waited for. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  private wake = () => {};

  constructor(command: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv }) {
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd ?? packageRoot,
      // Settings of whoever runs the tests are not the program's.
      env: { ...process.env, VOLLEY_HEAD: '', VOLLEY_TOKEN_FILE: '', ...options.env },
    });
    // A test run that ends early takes its programs along.
    const onExit = () => this.child.kill('SIGKILL');
    process.once('exit', onExit);
    this.child.stdout!.setEncoding('utf8').on('data', text => {
      this.stdout += text;
      this.wake();
    });
    this.child.stderr!.setEncoding('utf8').on('data', text => {
      this.stderr += text;
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('close', code => {
        process.off('exit', onExit);
        resolve({ code, stdout: this.stdout, stderr: this.stderr });
        this.wake();
      });
    });
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The match of a pattern in stdout, as soon as it is there. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended before it said ${pattern}:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>(resolve => {
        this.wake = resolve;
      });
    }
  }
}

/** Runs a compiled file, or anything else Node takes. */
export function node(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Program {
  return new Program(process.execPath, args, options);
}

/** `volley …`, from dist/. */
export function volley(args: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
  return node([entryFile('cli'), ...args], { env });
}

/** All processes below one, as /proc tells. */
export function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The command's name, in parentheses, may contain anything: what follows the last one are the fields.
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const found: number[] = [];
  for (let open = [pid]; open.length > 0; ) {
    open = open.flatMap(p => children.get(p) ?? []);
    found.push(...open);
  }
  return found;
}
