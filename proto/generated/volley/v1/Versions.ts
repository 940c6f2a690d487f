// Original file: proto/volley.proto


export interface Versions {
  'volley'?: (string);
  'protocol'?: (number);
  'node'?: (string);
}

export interface Versions__Output {
  'volley': (string);
  'protocol': (number);
  'node': (string);
}
