// Original file: proto/volley.proto

import type { OptionalBytes as _volley_v1_OptionalBytes, OptionalBytes__Output as _volley_v1_OptionalBytes__Output } from '../../volley/v1/OptionalBytes.js';
import type { Failures as _volley_v1_Failures, Failures__Output as _volley_v1_Failures__Output } from '../../volley/v1/Failures.js';

export interface TaskResults {
  'sequence'?: (number | string);
  'job'?: (number);
  'indicesU32'?: (Buffer | Uint8Array | string);
  'outcomes'?: (Buffer | Uint8Array | string);
  'rowsF64'?: (Buffer | Uint8Array | string);
  'bytesF64'?: (Buffer | Uint8Array | string);
  'holdersU32'?: (Buffer | Uint8Array | string);
  'inline'?: (_volley_v1_OptionalBytes | null);
  'failures'?: (_volley_v1_Failures | null);
}

export interface TaskResults__Output {
  'sequence': (number);
  'job': (number);
  'indicesU32': (Buffer);
  'outcomes': (Buffer);
  'rowsF64': (Buffer);
  'bytesF64': (Buffer);
  'holdersU32': (Buffer);
  'inline': (_volley_v1_OptionalBytes__Output | null);
  'failures': (_volley_v1_Failures__Output | null);
}
