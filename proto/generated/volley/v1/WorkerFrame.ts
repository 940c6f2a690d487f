// Original file: proto/volley.proto

import type { FromWorker as _volley_v1_FromWorker, FromWorker__Output as _volley_v1_FromWorker__Output } from '../../volley/v1/FromWorker.js';

export interface WorkerFrame {
  'messages'?: (_volley_v1_FromWorker)[];
}

export interface WorkerFrame__Output {
  'messages': (_volley_v1_FromWorker__Output)[];
}
