// Original file: proto/volley.proto

import type { FromClient as _volley_v1_FromClient, FromClient__Output as _volley_v1_FromClient__Output } from '../../volley/v1/FromClient.js';

export interface ClientFrame {
  'messages'?: (_volley_v1_FromClient)[];
}

export interface ClientFrame__Output {
  'messages': (_volley_v1_FromClient__Output)[];
}
