// Original file: proto/volley.proto


export interface Refused {
  'code'?: (string);
  'message'?: (string);
}

export interface Refused__Output {
  'code': (string);
  'message': (string);
}
