// Original file: proto/volley.proto


export interface Answer {
  'request'?: (number);
  'json'?: (string);
}

export interface Answer__Output {
  'request': (number);
  'json': (string);
}
