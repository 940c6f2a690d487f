// Original file: proto/volley.proto

import type { Versions as _volley_v1_Versions, Versions__Output as _volley_v1_Versions__Output } from '../../volley/v1/Versions.js';

export interface ClientHello {
  'versions'?: (_volley_v1_Versions | null);
  'name'?: (string);
}

export interface ClientHello__Output {
  'versions': (_volley_v1_Versions__Output | null);
  'name': (string);
}
