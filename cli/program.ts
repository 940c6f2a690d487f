import { Command, CommanderError } from 'commander';
import { isVolleyError } from '../core/base/errors.js';
import { volleyVersion } from '../core/base/version.js';
import { explainCommand } from './commands/explain.js';
import { headCommand } from './commands/head.js';
import { runCommand } from './commands/run.js';
import { statusCommand } from './commands/status.js';
import { workerCommand } from './commands/worker.js';

/** Exit code for a command line that makes no sense, as shells have it; 1 is for what went wrong later. */
const usageExitCode = 2;

export function createProgram(): Command {
  const program = new Command('volley')
    .description('Distributed task runtime and dataframe engine for TypeScript.')
    .version(volleyVersion)
    .enablePositionalOptions()
    .showSuggestionAfterError();
  for (const command of [headCommand(), workerCommand(), statusCommand(), runCommand(), explainCommand()]) {
    program.addCommand(command);
  }
  for (const command of [program, ...program.commands]) {
    command.exitOverride();
    command.configureOutput({
      outputError: (text, write) => write(`${text.trimEnd()}\n${validNames(command, text)}`),
    });
  }
  return program;
}

/** The flags or commands that would have been right, for the error that names a wrong one. */
function validNames(command: Command, error: string): string {
  if (error.includes('unknown command')) {
    return `Commands: ${command.commands.map(sub => sub.name()).join(', ')}\n`;
  }
  const flags = command.options.map(option => option.long).join(', ');
  return `Flags of ${command.name()}: ${flags}, --help\n`;
}

/** Parses and runs. Ends the process itself: with 2 for a bad command line, 1 for a failure, else as the command says. */
export async function runCli(argv: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : usageExitCode);
    const usage = isVolleyError(error, 'INVALID_ARGUMENT');
    const said = isVolleyError(error) ? error.message : ((error as Error)?.stack ?? String(error));
    process.stderr.write(`volley: ${said}\n`);
    process.exit(usage ? usageExitCode : 1);
  }
}
