// Original file: proto/volley.proto

import type { ToWorker as _volley_v1_ToWorker, ToWorker__Output as _volley_v1_ToWorker__Output } from '../../volley/v1/ToWorker.js';

export interface WorkerOrders {
  'messages'?: (_volley_v1_ToWorker)[];
}

export interface WorkerOrders__Output {
  'messages': (_volley_v1_ToWorker__Output)[];
}
