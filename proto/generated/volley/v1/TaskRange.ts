// Original file: proto/volley.proto


export interface TaskRange {
  'job'?: (number);
  'first'?: (number);
  'count'?: (number);
}

export interface TaskRange__Output {
  'job': (number);
  'first': (number);
  'count': (number);
}
