// Original file: proto/volley.proto

import type { Failure as _volley_v1_Failure, Failure__Output as _volley_v1_Failure__Output } from '../../volley/v1/Failure.js';
import type { FailedTask as _volley_v1_FailedTask, FailedTask__Output as _volley_v1_FailedTask__Output } from '../../volley/v1/FailedTask.js';

export interface Failure {
  'name'?: (string);
  'message'?: (string);
  'stack'?: (string);
  'textCode'?: (string);
  'numberCode'?: (number | string);
  'cause'?: (_volley_v1_Failure | null);
  'errors'?: (_volley_v1_Failure)[];
  'properties'?: (Buffer | Uint8Array | string);
  'thrown'?: (Buffer | Uint8Array | string);
  'task'?: (_volley_v1_FailedTask | null);
  'hasErrors'?: (boolean);
  'code'?: "textCode"|"numberCode";
  '_properties'?: "properties";
  '_thrown'?: "thrown";
}

export interface Failure__Output {
  'name': (string);
  'message': (string);
  'stack': (string);
  'textCode'?: (string);
  'numberCode'?: (number);
  'cause': (_volley_v1_Failure__Output | null);
  'errors': (_volley_v1_Failure__Output)[];
  'properties'?: (Buffer);
  'thrown'?: (Buffer);
  'task': (_volley_v1_FailedTask__Output | null);
  'hasErrors': (boolean);
  'code'?: "textCode"|"numberCode";
  '_properties'?: "properties";
  '_thrown'?: "thrown";
}
