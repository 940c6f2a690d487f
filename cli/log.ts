import { type Command, Option } from 'commander';
import pino from 'pino';
import type { Log } from '../core/base/log.js';

export const logStyles = ['json', 'pretty'] as const;
export type LogStyle = (typeof logStyles)[number];

export function addLogFlag(command: Command): Command {
  return command.addOption(
    new Option('--log <style>', 'how the log on stderr looks')
      .choices(logStyles)
      .default(process.stderr.isTTY ? 'pretty' : 'json', 'pretty on a terminal, else json'),
  );
}

/** The operator's log on stderr; stdout is for what a command answers. */
export function createLog(style: LogStyle, name: string): Log {
  return style === 'pretty' ? prettyLog() : jsonLog(name);
}

function jsonLog(name: string): Log {
  // Not pino's own name and pid: events carry fields of these names.
  const base = { service: name, servicePid: process.pid };
  const logger = pino({ base }, pino.destination({ fd: 2, sync: true }));
  return {
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}

function prettyLog(): Log {
  const write = (level: string, message: string, fields: Record<string, unknown> = {}) => {
    const pairs = Object.entries(fields).map(
      ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    );
    process.stderr.write(`${new Date().toISOString().slice(11, 23)} ${level} ${message}${pairs.join('')}\n`);
  };
  return {
    info: (message, fields) => write('info ', message, fields),
    warn: (message, fields) => write('WARN ', message, fields),
    error: (message, fields) => write('ERROR', message, fields),
  };
}
