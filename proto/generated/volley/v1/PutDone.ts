// Original file: proto/volley.proto


export interface PutDone {
  'job'?: (number);
  'indicesU32'?: (Buffer | Uint8Array | string);
  'worker'?: (number);
  'rowsF64'?: (Buffer | Uint8Array | string);
  'bytesF64'?: (Buffer | Uint8Array | string);
}

export interface PutDone__Output {
  'job': (number);
  'indicesU32': (Buffer);
  'worker': (number);
  'rowsF64': (Buffer);
  'bytesF64': (Buffer);
}
