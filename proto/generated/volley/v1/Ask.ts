// Original file: proto/volley.proto

import type { TaskRef as _volley_v1_TaskRef, TaskRef__Output as _volley_v1_TaskRef__Output } from '../../volley/v1/TaskRef.js';
import type { Locate as _volley_v1_Locate, Locate__Output as _volley_v1_Locate__Output } from '../../volley/v1/Locate.js';

export interface Ask {
  'request'?: (number);
  'status'?: (boolean);
  'explain'?: (_volley_v1_TaskRef | null);
  'locate'?: (_volley_v1_Locate | null);
  'about'?: "status"|"explain"|"locate";
}

export interface Ask__Output {
  'request': (number);
  'status'?: (boolean);
  'explain'?: (_volley_v1_TaskRef__Output | null);
  'locate'?: (_volley_v1_Locate__Output | null);
  'about'?: "status"|"explain"|"locate";
}
