// Original file: proto/volley.proto

import type { WorkerHello as _volley_v1_WorkerHello, WorkerHello__Output as _volley_v1_WorkerHello__Output } from '../../volley/v1/WorkerHello.js';
import type { Heartbeat as _volley_v1_Heartbeat, Heartbeat__Output as _volley_v1_Heartbeat__Output } from '../../volley/v1/Heartbeat.js';
import type { TasksFinished as _volley_v1_TasksFinished, TasksFinished__Output as _volley_v1_TasksFinished__Output } from '../../volley/v1/TasksFinished.js';
import type { TaskFailed as _volley_v1_TaskFailed, TaskFailed__Output as _volley_v1_TaskFailed__Output } from '../../volley/v1/TaskFailed.js';
import type { TaskAttempts as _volley_v1_TaskAttempts, TaskAttempts__Output as _volley_v1_TaskAttempts__Output } from '../../volley/v1/TaskAttempts.js';
import type { ReplicasChanged as _volley_v1_ReplicasChanged, ReplicasChanged__Output as _volley_v1_ReplicasChanged__Output } from '../../volley/v1/ReplicasChanged.js';
import type { FaultSeen as _volley_v1_FaultSeen, FaultSeen__Output as _volley_v1_FaultSeen__Output } from '../../volley/v1/FaultSeen.js';

export interface FromWorker {
  'hello'?: (_volley_v1_WorkerHello | null);
  'heartbeat'?: (_volley_v1_Heartbeat | null);
  'finished'?: (_volley_v1_TasksFinished | null);
  'failed'?: (_volley_v1_TaskFailed | null);
  'returned'?: (_volley_v1_TaskAttempts | null);
  'replicas'?: (_volley_v1_ReplicasChanged | null);
  'fault'?: (_volley_v1_FaultSeen | null);
  'bye'?: (string);
  'body'?: "hello"|"heartbeat"|"finished"|"failed"|"returned"|"replicas"|"fault"|"bye";
}

export interface FromWorker__Output {
  'hello'?: (_volley_v1_WorkerHello__Output | null);
  'heartbeat'?: (_volley_v1_Heartbeat__Output | null);
  'finished'?: (_volley_v1_TasksFinished__Output | null);
  'failed'?: (_volley_v1_TaskFailed__Output | null);
  'returned'?: (_volley_v1_TaskAttempts__Output | null);
  'replicas'?: (_volley_v1_ReplicasChanged__Output | null);
  'fault'?: (_volley_v1_FaultSeen__Output | null);
  'bye'?: (string);
  'body'?: "hello"|"heartbeat"|"finished"|"failed"|"returned"|"replicas"|"fault"|"bye";
}
