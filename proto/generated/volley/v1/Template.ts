// Original file: proto/volley.proto


export interface Template {
  'job'?: (number);
  'template'?: (number);
  'kind'?: (string);
  'name'?: (string);
  'body'?: (Buffer | Uint8Array | string);
}

export interface Template__Output {
  'job': (number);
  'template': (number);
  'kind': (string);
  'name': (string);
  'body': (Buffer);
}
