// Original file: proto/volley.proto

import type { TaskRef as _volley_v1_TaskRef, TaskRef__Output as _volley_v1_TaskRef__Output } from '../../volley/v1/TaskRef.js';

export interface Locate {
  'task'?: (_volley_v1_TaskRef | null);
  'lost'?: (number);
}

export interface Locate__Output {
  'task': (_volley_v1_TaskRef__Output | null);
  'lost': (number);
}
