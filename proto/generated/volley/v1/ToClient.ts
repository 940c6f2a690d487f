// Original file: proto/volley.proto

import type { ClientWelcome as _volley_v1_ClientWelcome, ClientWelcome__Output as _volley_v1_ClientWelcome__Output } from '../../volley/v1/ClientWelcome.js';
import type { Refused as _volley_v1_Refused, Refused__Output as _volley_v1_Refused__Output } from '../../volley/v1/Refused.js';
import type { PeerTable as _volley_v1_PeerTable, PeerTable__Output as _volley_v1_PeerTable__Output } from '../../volley/v1/PeerTable.js';
import type { TaskResults as _volley_v1_TaskResults, TaskResults__Output as _volley_v1_TaskResults__Output } from '../../volley/v1/TaskResults.js';
import type { TaskSet as _volley_v1_TaskSet, TaskSet__Output as _volley_v1_TaskSet__Output } from '../../volley/v1/TaskSet.js';
import type { Answer as _volley_v1_Answer, Answer__Output as _volley_v1_Answer__Output } from '../../volley/v1/Answer.js';
import type { Fault as _volley_v1_Fault, Fault__Output as _volley_v1_Fault__Output } from '../../volley/v1/Fault.js';

export interface ToClient {
  'welcome'?: (_volley_v1_ClientWelcome | null);
  'refused'?: (_volley_v1_Refused | null);
  'peers'?: (_volley_v1_PeerTable | null);
  'results'?: (_volley_v1_TaskResults | null);
  'putLost'?: (_volley_v1_TaskSet | null);
  'answer'?: (_volley_v1_Answer | null);
  'fault'?: (_volley_v1_Fault | null);
  'body'?: "welcome"|"refused"|"peers"|"results"|"putLost"|"answer"|"fault";
}

export interface ToClient__Output {
  'welcome'?: (_volley_v1_ClientWelcome__Output | null);
  'refused'?: (_volley_v1_Refused__Output | null);
  'peers'?: (_volley_v1_PeerTable__Output | null);
  'results'?: (_volley_v1_TaskResults__Output | null);
  'putLost'?: (_volley_v1_TaskSet__Output | null);
  'answer'?: (_volley_v1_Answer__Output | null);
  'fault'?: (_volley_v1_Fault__Output | null);
  'body'?: "welcome"|"refused"|"peers"|"results"|"putLost"|"answer"|"fault";
}
