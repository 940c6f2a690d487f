// Original file: proto/volley.proto


export interface OptionalBytes {
  'lengthsI32'?: (Buffer | Uint8Array | string);
  'bytes'?: (Buffer | Uint8Array | string);
}

export interface OptionalBytes__Output {
  'lengthsI32': (Buffer);
  'bytes': (Buffer);
}
