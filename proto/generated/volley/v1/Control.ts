// Original file: proto/volley.proto

import type { MethodDefinition } from '@grpc/proto-loader'
import type { ClientFrame as _volley_v1_ClientFrame, ClientFrame__Output as _volley_v1_ClientFrame__Output } from '../../volley/v1/ClientFrame.js';
import type { ClientNews as _volley_v1_ClientNews, ClientNews__Output as _volley_v1_ClientNews__Output } from '../../volley/v1/ClientNews.js';
import type { WorkerFrame as _volley_v1_WorkerFrame, WorkerFrame__Output as _volley_v1_WorkerFrame__Output } from '../../volley/v1/WorkerFrame.js';
import type { WorkerOrders as _volley_v1_WorkerOrders, WorkerOrders__Output as _volley_v1_WorkerOrders__Output } from '../../volley/v1/WorkerOrders.js';

export interface ControlDefinition {
  Attach: MethodDefinition<_volley_v1_ClientFrame, _volley_v1_ClientNews, _volley_v1_ClientFrame__Output, _volley_v1_ClientNews__Output>
  Join: MethodDefinition<_volley_v1_WorkerFrame, _volley_v1_WorkerOrders, _volley_v1_WorkerFrame__Output, _volley_v1_WorkerOrders__Output>
}
