// Original file: proto/volley.proto

import type { ClientHello as _volley_v1_ClientHello, ClientHello__Output as _volley_v1_ClientHello__Output } from '../../volley/v1/ClientHello.js';
import type { Template as _volley_v1_Template, Template__Output as _volley_v1_Template__Output } from '../../volley/v1/Template.js';
import type { Layer as _volley_v1_Layer, Layer__Output as _volley_v1_Layer__Output } from '../../volley/v1/Layer.js';
import type { PutDone as _volley_v1_PutDone, PutDone__Output as _volley_v1_PutDone__Output } from '../../volley/v1/PutDone.js';
import type { TaskRange as _volley_v1_TaskRange, TaskRange__Output as _volley_v1_TaskRange__Output } from '../../volley/v1/TaskRange.js';
import type { TaskRanges as _volley_v1_TaskRanges, TaskRanges__Output as _volley_v1_TaskRanges__Output } from '../../volley/v1/TaskRanges.js';
import type { Ask as _volley_v1_Ask, Ask__Output as _volley_v1_Ask__Output } from '../../volley/v1/Ask.js';

export interface FromClient {
  'hello'?: (_volley_v1_ClientHello | null);
  'template'?: (_volley_v1_Template | null);
  'submit'?: (_volley_v1_Layer | null);
  'putDone'?: (_volley_v1_PutDone | null);
  'cancel'?: (_volley_v1_TaskRange | null);
  'release'?: (_volley_v1_TaskRanges | null);
  'dropJob'?: (number);
  'ack'?: (number | string);
  'ask'?: (_volley_v1_Ask | null);
  'bye'?: (boolean);
  'evict'?: (_volley_v1_TaskRange | null);
  'body'?: "hello"|"template"|"submit"|"putDone"|"cancel"|"release"|"dropJob"|"ack"|"ask"|"bye"|"evict";
}

export interface FromClient__Output {
  'hello'?: (_volley_v1_ClientHello__Output | null);
  'template'?: (_volley_v1_Template__Output | null);
  'submit'?: (_volley_v1_Layer__Output | null);
  'putDone'?: (_volley_v1_PutDone__Output | null);
  'cancel'?: (_volley_v1_TaskRange__Output | null);
  'release'?: (_volley_v1_TaskRanges__Output | null);
  'dropJob'?: (number);
  'ack'?: (number);
  'ask'?: (_volley_v1_Ask__Output | null);
  'bye'?: (boolean);
  'evict'?: (_volley_v1_TaskRange__Output | null);
  'body'?: "hello"|"template"|"submit"|"putDone"|"cancel"|"release"|"dropJob"|"ack"|"ask"|"bye"|"evict";
}
