import { Command, Option } from 'commander';
import { compileAtOnce, keepCode } from '../../core/base/keep-code.js';
import { limits } from '../../core/base/limits.js';
import type { Log } from '../../core/base/log.js';
import { createInProcessNotifier, createInProcessRetryQueue } from '../../core/notify/in-process.js';
import { connectNats } from '../../core/notify/nats.js';
import type { Notifier, RetryQueue } from '../../core/notify/notifier.js';
import { addLogFlag, createLog, type LogStyle } from '../log.js';
import {
  addSecurityFlags,
  defaultPort,
  natsUrlWith,
  parseCount,
  parsePort,
  readSecurity,
  type SecurityFlags,
  tokenFile,
} from '../options.js';
import { stopOnSignals, tellParent } from '../service.js';

interface HeadFlags extends SecurityFlags {
  host: string;
  port: number;
  nats?: string;
  natsTokenFile?: string;
  clusterName: string;
  leaseMs: number;
  log: LogStyle;
}

export function headCommand(): Command {
  const command = new Command('head')
    .description('schedule work onto workers, for clients')
    .option('--host <host>', 'address to listen on; others than loopback need a token or TLS', '127.0.0.1')
    .addOption(
      new Option('--port <port>', 'port to listen on, 0 for a free one')
        .argParser(parsePort)
        .default(defaultPort),
    )
    .option('--nats <url>', 'send fault events and retry tickets through NATS: nats://host:4222')
    .option('--nats-token-file <file>', "file with NATS' token")
    .option('--cluster-name <name>', "letters, digits and '-'", 'local')
    .addOption(
      new Option('--lease-ms <ms>', 'silence after which a worker counts as lost')
        .argParser(parseCount)
        .default(limits.leaseMs),
    )
    .action((flags: HeadFlags) => runHead(flags));
  return addLogFlag(addSecurityFlags(command));
}

async function runHead(flags: HeadFlags): Promise<void> {
  const log = createLog(flags.log, 'volley head');
  const security = readSecurity(flags);
  const natsUrl = natsUrlWith(flags.nats, flags.natsTokenFile);
  const { notifier, retryQueue } = connectServices(natsUrl, flags.clusterName, log);
  const { createGrpcTransport } = await import('../../core/rpc/grpc.js');
  const { startHead } = await import('../../scheduler/shell/head.js');
  const host = flags.host.includes(':') && !flags.host.startsWith('[') ? `[${flags.host}]` : flags.host;
  const head = await startHead({
    transport: createGrpcTransport({ log }),
    address: `${host}:${flags.port}`,
    security,
    clusterName: flags.clusterName,
    leaseMs: flags.leaseMs,
    notifier,
    retryQueue,
    natsUrl,
    log,
    onFatal: () => process.exit(1),
  });
  stopOnSignals(async () => {
    await head.close();
    await retryQueue.close();
    await notifier.close();
  }, log);
  process.stdout.write(
    `head listening on grpc://${head.address}\nnext: volley worker --head grpc://${head.address}${credentialsHint(flags)}\n`,
  );
  tellParent({ kind: 'ready', address: head.address });
  keepCode();
  compileAtOnce();
}

function connectServices(
  natsUrl: string,
  cluster: string,
  log: Log,
): { notifier: Notifier; retryQueue: RetryQueue } {
  const inProcess = () => ({
    notifier: createInProcessNotifier(log),
    retryQueue: createInProcessRetryQueue(log),
  });
  if (natsUrl === '') return inProcess();
  const { notifier, retryQueue } = connectNats({ url: natsUrl, cluster, source: 'head', log, retries: true });
  return { notifier, retryQueue: retryQueue ?? createInProcessRetryQueue(log) };
}

function credentialsHint(flags: SecurityFlags): string {
  const token = tokenFile(flags) === undefined ? '' : ` --token-file ${tokenFile(flags)}`;
  const tls = flags.tlsCert === undefined ? '' : ' --tls-ca … --tls-cert … --tls-key …';
  return token + tls;
}
