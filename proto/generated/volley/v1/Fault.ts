// Original file: proto/volley.proto


export interface Fault {
  'json'?: (string);
}

export interface Fault__Output {
  'json': (string);
}
