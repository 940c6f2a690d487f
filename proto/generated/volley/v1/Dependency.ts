// Original file: proto/volley.proto

import type { TaskRange as _volley_v1_TaskRange, TaskRange__Output as _volley_v1_TaskRange__Output } from '../../volley/v1/TaskRange.js';
import type { Group as _volley_v1_Group, Group__Output as _volley_v1_Group__Output } from '../../volley/v1/Group.js';
import type { Explicit as _volley_v1_Explicit, Explicit__Output as _volley_v1_Explicit__Output } from '../../volley/v1/Explicit.js';

export interface Dependency {
  'oneToOne'?: (_volley_v1_TaskRange | null);
  'all'?: (_volley_v1_TaskRange | null);
  'allToAll'?: (_volley_v1_TaskRange | null);
  'group'?: (_volley_v1_Group | null);
  'explicit'?: (_volley_v1_Explicit | null);
  'rule'?: "oneToOne"|"all"|"allToAll"|"group"|"explicit";
}

export interface Dependency__Output {
  'oneToOne'?: (_volley_v1_TaskRange__Output | null);
  'all'?: (_volley_v1_TaskRange__Output | null);
  'allToAll'?: (_volley_v1_TaskRange__Output | null);
  'group'?: (_volley_v1_Group__Output | null);
  'explicit'?: (_volley_v1_Explicit__Output | null);
  'rule'?: "oneToOne"|"all"|"allToAll"|"group"|"explicit";
}
