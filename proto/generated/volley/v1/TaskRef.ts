// Original file: proto/volley.proto


export interface TaskRef {
  'job'?: (number);
  'index'?: (number);
}

export interface TaskRef__Output {
  'job': (number);
  'index': (number);
}
