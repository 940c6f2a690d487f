import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { entryFile } from '../../core/base/entries.js';
import { VolleyError } from '../../core/base/errors.js';
import { addTokenFlag, type HeadUrlFlags, parseHeadUrl, readSecurity, tokenFile } from '../options.js';

interface RunFlags extends HeadUrlFlags {
  tokenFile?: string;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('run a script here, TypeScript included, with connect() going to the head')
    .argument('<script>', 'a .ts, .mts, .js or .mjs file')
    .argument('[args...]', "the script's own arguments, after --")
    .option(
      '--head <url>',
      'grpc://host:port of the head (default: VOLLEY_HEAD, else connect() runs embedded)',
    )
    .action(async (script: string, args: string[], flags: RunFlags) => {
      process.exit(await runScript(script, args, flags));
    });
  return addTokenFlag(command);
}

/** Resolves with the exit code: the script's own, or 128 + the signal that ended it. */
async function runScript(script: string, args: readonly string[], flags: RunFlags): Promise<number> {
  const file = resolve(script);
  if (!existsSync(file)) {
    throw new VolleyError('FILE_NOT_FOUND', `there is no script ${file}`, { file });
  }
  readSecurity(flags); // A bad token file is told here, not in the middle of the script.
  const token = tokenFile(flags);
  const head = flags.head ?? process.env.VOLLEY_HEAD;
  const env = {
    ...process.env,
    ...(head ? { VOLLEY_HEAD: `grpc://${parseHeadUrl(head)}` } : {}),
    ...(token === undefined ? {} : { VOLLEY_TOKEN_FILE: resolve(token) }),
  };
  // Volley's own tsx, wherever it is installed: the script's project need not have one.
  const loader = import.meta.resolve('tsx');
  const hooks = pathToFileURL(entryFile('script-loader')).href;
  const nodeArgs = ['--enable-source-maps', '--import', hooks, '--import', loader, file, ...args];
  const child = spawn(process.execPath, nodeArgs, { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // A terminal sends SIGINT to the script itself as well; twice would be a hard stop.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code, signal) => done(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
