// Original file: proto/volley.proto

import type { OptionalBytes as _volley_v1_OptionalBytes, OptionalBytes__Output as _volley_v1_OptionalBytes__Output } from '../../volley/v1/OptionalBytes.js';

export interface TasksFinished {
  'job'?: (number);
  'indicesU32'?: (Buffer | Uint8Array | string);
  'attemptsU32'?: (Buffer | Uint8Array | string);
  'rowsF64'?: (Buffer | Uint8Array | string);
  'bytesF64'?: (Buffer | Uint8Array | string);
  'durationUsF64'?: (Buffer | Uint8Array | string);
  'inline'?: (_volley_v1_OptionalBytes | null);
}

export interface TasksFinished__Output {
  'job': (number);
  'indicesU32': (Buffer);
  'attemptsU32': (Buffer);
  'rowsF64': (Buffer);
  'bytesF64': (Buffer);
  'durationUsF64': (Buffer);
  'inline': (_volley_v1_OptionalBytes__Output | null);
}
