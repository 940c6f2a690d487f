// Original file: proto/volley.proto


export interface Names {
  'names'?: (string)[];
}

export interface Names__Output {
  'names': (string)[];
}
