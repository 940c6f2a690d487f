// Original file: proto/volley.proto

import type { TaskRef as _volley_v1_TaskRef, TaskRef__Output as _volley_v1_TaskRef__Output } from '../../volley/v1/TaskRef.js';

export interface FaultSeen {
  'fault'?: (string);
  'task'?: (_volley_v1_TaskRef | null);
  'peer'?: (number);
  'detail'?: (string);
  '_peer'?: "peer";
}

export interface FaultSeen__Output {
  'fault': (string);
  'task': (_volley_v1_TaskRef__Output | null);
  'peer'?: (number);
  'detail': (string);
  '_peer'?: "peer";
}
