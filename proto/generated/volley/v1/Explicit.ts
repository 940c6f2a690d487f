// Original file: proto/volley.proto


export interface Explicit {
  'offsetsU32'?: (Buffer | Uint8Array | string);
  'jobsU32'?: (Buffer | Uint8Array | string);
  'indicesU32'?: (Buffer | Uint8Array | string);
}

export interface Explicit__Output {
  'offsetsU32': (Buffer);
  'jobsU32': (Buffer);
  'indicesU32': (Buffer);
}
