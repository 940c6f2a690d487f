// Original file: proto/volley.proto


export interface BytesTable {
  'offsetsU32'?: (Buffer | Uint8Array | string);
  'bytes'?: (Buffer | Uint8Array | string);
}

export interface BytesTable__Output {
  'offsetsU32': (Buffer);
  'bytes': (Buffer);
}
