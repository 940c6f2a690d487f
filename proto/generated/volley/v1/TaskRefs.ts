// Original file: proto/volley.proto


export interface TaskRefs {
  'jobsU32'?: (Buffer | Uint8Array | string);
  'indicesU32'?: (Buffer | Uint8Array | string);
}

export interface TaskRefs__Output {
  'jobsU32': (Buffer);
  'indicesU32': (Buffer);
}
