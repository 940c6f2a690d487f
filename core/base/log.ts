/** What shells write for operators. One line a happening; `fields` are data, the message is for people. */
export interface Log {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Embedded mode and tests. */
export const silentLog: Log = { info() {}, warn() {}, error() {} };
