// Original file: proto/volley.proto

import type { Failure as _volley_v1_Failure, Failure__Output as _volley_v1_Failure__Output } from '../../volley/v1/Failure.js';

export interface Failures {
  'atU32'?: (Buffer | Uint8Array | string);
  'failures'?: (_volley_v1_Failure)[];
}

export interface Failures__Output {
  'atU32': (Buffer);
  'failures': (_volley_v1_Failure__Output)[];
}
