import { Command } from 'commander';
import type { StatusReport } from '../../core/graph/report.js';
import { addSecurityFlags, type HeadUrlFlags, headAddress, type SecurityFlags } from '../options.js';
import { withSession } from '../session.js';

interface StatusFlags extends SecurityFlags, HeadUrlFlags {
  json?: boolean;
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('what a head and its workers are doing')
    .option('--head <url>', 'grpc://host:port of the head (default: VOLLEY_HEAD, else this machine)')
    .option('--json', 'the whole report, for programs')
    .action(async (flags: StatusFlags) => {
      const report = await withSession(headAddress(flags), flags, session => session.status());
      process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : formatStatus(report));
    });
  return addSecurityFlags(command);
}

/** A report for people. */
export function formatStatus(report: StatusReport): string {
  const lines = [
    `cluster ${report.cluster} at ${report.address}, up ${formatDuration(report.uptimeMs)}`,
    `${count(report.workers.length, 'worker')}, ${count(report.clients, 'client')}`,
    `tasks: ${formatCounts(report.tasks) || 'none'}`,
  ];
  const counters = formatCounts(report.counters);
  if (counters !== '') lines.push(`since the start: ${counters}`);
  if (report.workers.length > 0) lines.push('', ...formatWorkers(report));
  return `${lines.join('\n')}\n`;
}

function formatWorkers(report: StatusReport): string[] {
  const rows = [['worker', 'name', 'threads', 'tasks', 'stored', 'memory', 'rss', 'engine', 'labels']];
  for (const worker of report.workers) {
    rows.push([
      String(worker.worker),
      worker.name,
      String(worker.threads),
      `${worker.assigned}${worker.paused ? ' paused' : ''}`,
      formatBytes(worker.storedBytes),
      formatBytes(worker.memoryBytes),
      formatBytes(worker.rssBytes),
      String(worker.enginePid),
      Object.entries(worker.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  return rows.map(row =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function formatCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .map(([name, value]) => `${value} ${name}`)
    .join(', ');
}

function count(value: number, noun: string): string {
  return `${value} ${noun}${value === 1 ? '' : 's'}`;
}

function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min ${seconds % 60} s`
      : `${seconds} s`;
}

function formatBytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(0)} MB`;
}
