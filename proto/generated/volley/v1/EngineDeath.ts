// Original file: proto/volley.proto


export interface EngineDeath {
  'exitCode'?: (number);
  'signal'?: (string);
  'rssBytes'?: (number | string);
  'runningJobsU32'?: (Buffer | Uint8Array | string);
  'runningIndicesU32'?: (Buffer | Uint8Array | string);
  'runningAttemptsU32'?: (Buffer | Uint8Array | string);
  'worker'?: (number);
  'pid'?: (number);
  '_exitCode'?: "exitCode";
  '_signal'?: "signal";
}

export interface EngineDeath__Output {
  'exitCode'?: (number);
  'signal'?: (string);
  'rssBytes': (number);
  'runningJobsU32': (Buffer);
  'runningIndicesU32': (Buffer);
  'runningAttemptsU32': (Buffer);
  'worker': (number);
  'pid': (number);
  '_exitCode'?: "exitCode";
  '_signal'?: "signal";
}
