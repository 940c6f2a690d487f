// Original file: proto/volley.proto

import type { TaskRefs as _volley_v1_TaskRefs, TaskRefs__Output as _volley_v1_TaskRefs__Output } from '../../volley/v1/TaskRefs.js';

export interface ReplicasChanged {
  'added'?: (_volley_v1_TaskRefs | null);
  'dropped'?: (_volley_v1_TaskRefs | null);
}

export interface ReplicasChanged__Output {
  'added': (_volley_v1_TaskRefs__Output | null);
  'dropped': (_volley_v1_TaskRefs__Output | null);
}
