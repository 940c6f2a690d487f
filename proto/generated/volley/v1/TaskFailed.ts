// Original file: proto/volley.proto

import type { TaskRef as _volley_v1_TaskRef, TaskRef__Output as _volley_v1_TaskRef__Output } from '../../volley/v1/TaskRef.js';
import type { Failure as _volley_v1_Failure, Failure__Output as _volley_v1_Failure__Output } from '../../volley/v1/Failure.js';
import type { TaskRefs as _volley_v1_TaskRefs, TaskRefs__Output as _volley_v1_TaskRefs__Output } from '../../volley/v1/TaskRefs.js';

export interface TaskFailed {
  'task'?: (_volley_v1_TaskRef | null);
  'attempt'?: (number);
  'reason'?: (string);
  'failure'?: (_volley_v1_Failure | null);
  'lostInputs'?: (_volley_v1_TaskRefs | null);
}

export interface TaskFailed__Output {
  'task': (_volley_v1_TaskRef__Output | null);
  'attempt': (number);
  'reason': (string);
  'failure': (_volley_v1_Failure__Output | null);
  'lostInputs': (_volley_v1_TaskRefs__Output | null);
}
