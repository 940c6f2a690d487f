// Original file: proto/volley.proto

import type { WorkerWelcome as _volley_v1_WorkerWelcome, WorkerWelcome__Output as _volley_v1_WorkerWelcome__Output } from '../../volley/v1/WorkerWelcome.js';
import type { Refused as _volley_v1_Refused, Refused__Output as _volley_v1_Refused__Output } from '../../volley/v1/Refused.js';
import type { PeerTable as _volley_v1_PeerTable, PeerTable__Output as _volley_v1_PeerTable__Output } from '../../volley/v1/PeerTable.js';
import type { Template as _volley_v1_Template, Template__Output as _volley_v1_Template__Output } from '../../volley/v1/Template.js';
import type { AssignTasks as _volley_v1_AssignTasks, AssignTasks__Output as _volley_v1_AssignTasks__Output } from '../../volley/v1/AssignTasks.js';
import type { TaskAttempts as _volley_v1_TaskAttempts, TaskAttempts__Output as _volley_v1_TaskAttempts__Output } from '../../volley/v1/TaskAttempts.js';
import type { TaskSet as _volley_v1_TaskSet, TaskSet__Output as _volley_v1_TaskSet__Output } from '../../volley/v1/TaskSet.js';

export interface ToWorker {
  'welcome'?: (_volley_v1_WorkerWelcome | null);
  'refused'?: (_volley_v1_Refused | null);
  'peers'?: (_volley_v1_PeerTable | null);
  'template'?: (_volley_v1_Template | null);
  'assign'?: (_volley_v1_AssignTasks | null);
  'cancel'?: (_volley_v1_TaskAttempts | null);
  'retract'?: (_volley_v1_TaskAttempts | null);
  'free'?: (_volley_v1_TaskSet | null);
  'dropJob'?: (number);
  'shutdown'?: (string);
  'body'?: "welcome"|"refused"|"peers"|"template"|"assign"|"cancel"|"retract"|"free"|"dropJob"|"shutdown";
}

export interface ToWorker__Output {
  'welcome'?: (_volley_v1_WorkerWelcome__Output | null);
  'refused'?: (_volley_v1_Refused__Output | null);
  'peers'?: (_volley_v1_PeerTable__Output | null);
  'template'?: (_volley_v1_Template__Output | null);
  'assign'?: (_volley_v1_AssignTasks__Output | null);
  'cancel'?: (_volley_v1_TaskAttempts__Output | null);
  'retract'?: (_volley_v1_TaskAttempts__Output | null);
  'free'?: (_volley_v1_TaskSet__Output | null);
  'dropJob'?: (number);
  'shutdown'?: (string);
  'body'?: "welcome"|"refused"|"peers"|"template"|"assign"|"cancel"|"retract"|"free"|"dropJob"|"shutdown";
}
