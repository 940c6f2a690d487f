// Original file: proto/volley.proto

import type { Dependency as _volley_v1_Dependency, Dependency__Output as _volley_v1_Dependency__Output } from '../../volley/v1/Dependency.js';
import type { BytesTable as _volley_v1_BytesTable, BytesTable__Output as _volley_v1_BytesTable__Output } from '../../volley/v1/BytesTable.js';
import type { TaskOptions as _volley_v1_TaskOptions, TaskOptions__Output as _volley_v1_TaskOptions__Output } from '../../volley/v1/TaskOptions.js';

export interface Layer {
  'job'?: (number);
  'first'?: (number);
  'count'?: (number);
  'template'?: (number);
  'dependencies'?: (_volley_v1_Dependency)[];
  'args'?: (_volley_v1_BytesTable | null);
  'slices'?: (number);
  'options'?: (_volley_v1_TaskOptions | null);
  '_template'?: "template";
}

export interface Layer__Output {
  'job': (number);
  'first': (number);
  'count': (number);
  'template'?: (number);
  'dependencies': (_volley_v1_Dependency__Output)[];
  'args': (_volley_v1_BytesTable__Output | null);
  'slices': (number);
  'options': (_volley_v1_TaskOptions__Output | null);
  '_template'?: "template";
}
