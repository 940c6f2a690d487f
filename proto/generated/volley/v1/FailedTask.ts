// Original file: proto/volley.proto


export interface FailedTask {
  'name'?: (string);
  'id'?: (string);
  'node'?: (string);
  'attempt'?: (number);
}

export interface FailedTask__Output {
  'name': (string);
  'id': (string);
  'node': (string);
  'attempt': (number);
}
