// Original file: proto/volley.proto


export interface DataAddress {
  'grpc'?: (string);
  'socket'?: (string);
  'bootId'?: (string);
  'uid'?: (number | string);
}

export interface DataAddress__Output {
  'grpc': (string);
  'socket': (string);
  'bootId': (string);
  'uid': (number);
}
