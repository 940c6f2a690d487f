// Original file: proto/volley.proto


export interface TaskRanges {
  'jobsU32'?: (Buffer | Uint8Array | string);
  'firstsU32'?: (Buffer | Uint8Array | string);
  'countsU32'?: (Buffer | Uint8Array | string);
}

export interface TaskRanges__Output {
  'jobsU32': (Buffer);
  'firstsU32': (Buffer);
  'countsU32': (Buffer);
}
