// Original file: proto/volley.proto

import type { OptionalBytes as _volley_v1_OptionalBytes, OptionalBytes__Output as _volley_v1_OptionalBytes__Output } from '../../volley/v1/OptionalBytes.js';

export interface InputTable {
  'sliced'?: (boolean);
  'offsetsU32'?: (Buffer | Uint8Array | string);
  'jobsU32'?: (Buffer | Uint8Array | string);
  'indicesU32'?: (Buffer | Uint8Array | string);
  'bytesF64'?: (Buffer | Uint8Array | string);
  'rowsF64'?: (Buffer | Uint8Array | string);
  'holderOffsetsU32'?: (Buffer | Uint8Array | string);
  'holdersU32'?: (Buffer | Uint8Array | string);
  'inline'?: (_volley_v1_OptionalBytes | null);
  '_offsetsU32'?: "offsetsU32";
}

export interface InputTable__Output {
  'sliced': (boolean);
  'offsetsU32'?: (Buffer);
  'jobsU32': (Buffer);
  'indicesU32': (Buffer);
  'bytesF64': (Buffer);
  'rowsF64': (Buffer);
  'holderOffsetsU32': (Buffer);
  'holdersU32': (Buffer);
  'inline': (_volley_v1_OptionalBytes__Output | null);
  '_offsetsU32'?: "offsetsU32";
}
