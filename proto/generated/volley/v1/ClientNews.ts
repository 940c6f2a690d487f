// Original file: proto/volley.proto

import type { ToClient as _volley_v1_ToClient, ToClient__Output as _volley_v1_ToClient__Output } from '../../volley/v1/ToClient.js';

export interface ClientNews {
  'messages'?: (_volley_v1_ToClient)[];
}

export interface ClientNews__Output {
  'messages': (_volley_v1_ToClient__Output)[];
}
