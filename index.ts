export { type ErrorCode, VolleyError } from './core/base/errors.js';
export {
  asCompleted,
  type Gathered,
  gather,
  type Waited,
  type WaitOptions,
  wait,
} from './core/client/collect.js';
export { Delayed, delayed } from './core/client/delayed.js';
export { Future, type FutureHandle, type FutureStatus } from './core/client/future.js';
export { importTask } from './core/client/import-task.js';
export { DataRef } from './core/client/ref.js';
export type { SubmitOptions } from './core/client/submitter.js';
export { type TaskContext, taskContext } from './core/client/task-context.js';
export type { Explanation, StatusReport } from './core/graph/report.js';
export type { FaultEvent } from './core/notify/notifier.js';
export { DataType, type Field, type Schema } from './dataframe/column/datatype.js';
export type { Progress } from './dataframe/distribute/graph-runner.js';
export type {
  CSVSinkOptions,
  IPCSinkOptions,
  ParquetSinkOptions,
  SinkOptions,
  SinkResult,
  TextSinkOptions,
} from './dataframe/distribute/sink.js';
export type { PostgresSinkOptions } from './dataframe/distribute/sink-postgres.js';
export {
  all,
  coalesce,
  col,
  concatStr,
  corr,
  Expr,
  exclude,
  len,
  lit,
  struct,
  when,
} from './dataframe/expr/expr.js';
export { concat, DataFrame } from './dataframe/frame.js';
export { connect } from './session/connect.js';
export { LocalCluster, type LocalClusterOptions, type LocalWorker } from './session/local-cluster.js';
export type { EmbeddedOptions, RemoteOptions } from './session/options.js';
export { Session, TaskRunner } from './session/session.js';
