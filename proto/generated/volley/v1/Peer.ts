// Original file: proto/volley.proto

import type { DataAddress as _volley_v1_DataAddress, DataAddress__Output as _volley_v1_DataAddress__Output } from '../../volley/v1/DataAddress.js';

export interface Peer {
  'worker'?: (number);
  'name'?: (string);
  'threads'?: (number);
  'memoryBytes'?: (number | string);
  'labels'?: ({[key: string]: string});
  'address'?: (_volley_v1_DataAddress | null);
  'supervisorPid'?: (number);
  'enginePid'?: (number);
}

export interface Peer__Output {
  'worker': (number);
  'name': (string);
  'threads': (number);
  'memoryBytes': (number);
  'labels': ({[key: string]: string});
  'address': (_volley_v1_DataAddress__Output | null);
  'supervisorPid': (number);
  'enginePid': (number);
}
