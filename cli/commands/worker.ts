import { Command, Option } from 'commander';
import type { Supervisor } from '../../worker/shell/supervisor.js';
import { addLogFlag, createLog, type LogStyle } from '../log.js';
import {
  addSecurityFlags,
  collect,
  defaultMemoryBytes,
  defaultThreads,
  headAddress,
  natsUrlWith,
  parseBytes,
  parseCount,
  parseLabel,
  parseResource,
  readSecurity,
  type SecurityFlags,
} from '../options.js';
import { addressFromParent, stopOnSignals, tellParent } from '../service.js';

interface WorkerFlags extends SecurityFlags {
  head?: string;
  headFromParent?: boolean;
  threads: number;
  memory: number;
  label: Record<string, string>;
  resource: Record<string, number>;
  spillDir?: string;
  allowPath?: string[];
  host: string;
  nats?: string;
  natsTokenFile?: string;
  name?: string;
  log: LogStyle;
}

export function workerCommand(): Command {
  const command = new Command('worker')
    .description('run tasks of a head on this machine')
    .option('--head <url>', 'grpc://host:port of the head (default: VOLLEY_HEAD, else this machine)')
    .addOption(
      new Option(
        '--head-from-parent',
        'wait for the address of the head in a message of the parent',
      ).hideHelp(),
    )
    .addOption(
      new Option('--threads <n>', 'tasks run at a time')
        .argParser(parseCount)
        .default(defaultThreads(), 'the processors'),
    )
    .addOption(
      new Option('--memory <size>', 'bytes of results held, such as 2GB')
        .argParser(parseBytes)
        .default(defaultMemoryBytes(), '60 % of the machine or container'),
    )
    .addOption(
      new Option('--label <key=value>', 'a label tasks can ask for; repeatable')
        .argParser(parseLabel)
        .default({}, 'none'),
    )
    .addOption(
      new Option('--resource <name=amount>', 'something tasks use up while they run; repeatable')
        .argParser(parseResource)
        .default({}, 'none'),
    )
    .option('--spill-dir <folder>', 'where results go that do not fit in memory')
    .option(
      '--allow-path <place>',
      'a folder, or beginning of a URL, dataframes may read and write, and no other; repeatable',
      collect,
    )
    .option(
      '--host <host>',
      'address other workers reach this one at; others than loopback need a token or TLS',
      '127.0.0.1',
    )
    .option('--nats <url>', "NATS to send fault events to (default: the head's)")
    .option('--nats-token-file <file>', "file with NATS' token")
    .option('--name <name>', 'how people call this worker (default: hostname-pid)')
    .action((flags: WorkerFlags) => runWorker(flags));
  return addLogFlag(addSecurityFlags(command));
}

async function runWorker(flags: WorkerFlags): Promise<void> {
  const log = createLog(flags.log, 'volley worker');
  const head = flags.headFromParent === true ? addressFromParent() : headAddress(flags);
  const security = readSecurity(flags);
  const natsUrl = natsUrlWith(flags.nats, flags.natsTokenFile);
  const { startSupervisor } = await import('../../worker/shell/supervisor.js');
  // Signals count from here on: joining takes as long as the head is away.
  let supervisor: Supervisor | null = null;
  stopOnSignals(async () => supervisor?.close(), log);
  const options = {
    head,
    token: security.token,
    tls: security.tls,
    name: flags.name,
    host: flags.host,
    threads: flags.threads,
    memoryBytes: flags.memory,
    spillDir: flags.spillDir ?? null,
    labels: flags.label,
    resources: flags.resource,
    allowPaths: flags.allowPath ?? null,
    nats: natsUrl,
  };
  supervisor = await startSupervisor(options, {
    log,
    async onReady(worker, enginePid) {
      const address = await head;
      process.stdout.write(
        `worker ${worker} of grpc://${address}: ${flags.threads} threads, engine process ${enginePid}\n`,
      );
      tellParent({ kind: 'ready', worker, supervisorPid: process.pid, enginePid });
    },
  });
  const { code, reason } = await supervisor.closed;
  log.info('worker ended', { code, reason });
  process.exit(code);
}
