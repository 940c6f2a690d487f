// Original file: proto/volley.proto


export interface TaskSet {
  'job'?: (number);
  'indicesU32'?: (Buffer | Uint8Array | string);
}

export interface TaskSet__Output {
  'job': (number);
  'indicesU32': (Buffer);
}
