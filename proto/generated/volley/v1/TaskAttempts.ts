// Original file: proto/volley.proto


export interface TaskAttempts {
  'job'?: (number);
  'indicesU32'?: (Buffer | Uint8Array | string);
  'attemptsU32'?: (Buffer | Uint8Array | string);
}

export interface TaskAttempts__Output {
  'job': (number);
  'indicesU32': (Buffer);
  'attemptsU32': (Buffer);
}
