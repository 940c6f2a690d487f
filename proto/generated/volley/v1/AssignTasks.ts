// Original file: proto/volley.proto

import type { BytesTable as _volley_v1_BytesTable, BytesTable__Output as _volley_v1_BytesTable__Output } from '../../volley/v1/BytesTable.js';
import type { InputTable as _volley_v1_InputTable, InputTable__Output as _volley_v1_InputTable__Output } from '../../volley/v1/InputTable.js';

export interface AssignTasks {
  'job'?: (number);
  'template'?: (number);
  'indicesU32'?: (Buffer | Uint8Array | string);
  'attemptsU32'?: (Buffer | Uint8Array | string);
  'positionsU32'?: (Buffer | Uint8Array | string);
  'args'?: (_volley_v1_BytesTable | null);
  'inputs'?: (_volley_v1_InputTable)[];
  'slices'?: (number);
  'timeoutMs'?: (number | string);
  'priority'?: (number | string);
  'resources'?: ({[key: string]: number | string});
  'inlineResult'?: (boolean);
  'name'?: (string);
  'reportedTogether'?: (boolean);
}

export interface AssignTasks__Output {
  'job': (number);
  'template': (number);
  'indicesU32': (Buffer);
  'attemptsU32': (Buffer);
  'positionsU32': (Buffer);
  'args': (_volley_v1_BytesTable__Output | null);
  'inputs': (_volley_v1_InputTable__Output)[];
  'slices': (number);
  'timeoutMs': (number);
  'priority': (number);
  'resources': ({[key: string]: number});
  'inlineResult': (boolean);
  'name': (string);
  'reportedTogether': (boolean);
}
