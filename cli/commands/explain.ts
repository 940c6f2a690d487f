import { Command } from 'commander';
import type { Explanation } from '../../core/graph/report.js';
import { addSecurityFlags, type HeadUrlFlags, headAddress, type SecurityFlags } from '../options.js';
import { withSession } from '../session.js';

interface ExplainFlags extends SecurityFlags, HeadUrlFlags {
  json?: boolean;
}

export function explainCommand(): Command {
  const command = new Command('explain')
    .description('why a task is where it is')
    .argument('<task>', "a task's id, job/index, as in 65536/3")
    .option('--head <url>', 'grpc://host:port of the head (default: VOLLEY_HEAD, else this machine)')
    .option('--json', 'the whole explanation, for programs')
    .action(async (task: string, flags: ExplainFlags) => {
      const explanation = await withSession(headAddress(flags), flags, session => session.explain(task));
      process.stdout.write(
        flags.json ? `${JSON.stringify(explanation, null, 2)}\n` : formatExplanation(explanation),
      );
    });
  return addSecurityFlags(command);
}

/** An explanation for people. */
export function formatExplanation(explanation: Explanation): string {
  const { task, name, state, attempt, reason, workers, waitingFor, history } = explanation;
  const lines = [`task ${task} ${name} is ${state} (attempt ${attempt})`, reason];
  if (workers.length > 0) lines.push(`on: ${workers.join(', ')}`);
  if (waitingFor.length > 0) lines.push(`waits for: ${waitingFor.join(', ')}`);
  if (history.length > 0) lines.push('history:', ...history.map(line => `  ${line}`));
  return `${lines.join('\n')}\n`;
}
