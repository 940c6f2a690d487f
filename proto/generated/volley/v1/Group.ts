// Original file: proto/volley.proto

import type { TaskRange as _volley_v1_TaskRange, TaskRange__Output as _volley_v1_TaskRange__Output } from '../../volley/v1/TaskRange.js';

export interface Group {
  'from'?: (_volley_v1_TaskRange | null);
  'offsetsU32'?: (Buffer | Uint8Array | string);
}

export interface Group__Output {
  'from': (_volley_v1_TaskRange__Output | null);
  'offsetsU32': (Buffer);
}
