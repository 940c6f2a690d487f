// Original file: proto/volley.proto

import type { Versions as _volley_v1_Versions, Versions__Output as _volley_v1_Versions__Output } from '../../volley/v1/Versions.js';
import type { DataAddress as _volley_v1_DataAddress, DataAddress__Output as _volley_v1_DataAddress__Output } from '../../volley/v1/DataAddress.js';
import type { EngineDeath as _volley_v1_EngineDeath, EngineDeath__Output as _volley_v1_EngineDeath__Output } from '../../volley/v1/EngineDeath.js';

export interface WorkerHello {
  'versions'?: (_volley_v1_Versions | null);
  'name'?: (string);
  'threads'?: (number);
  'memoryBytes'?: (number | string);
  'labels'?: ({[key: string]: string});
  'resources'?: ({[key: string]: number | string});
  'address'?: (_volley_v1_DataAddress | null);
  'supervisorPid'?: (number);
  'enginePid'?: (number);
  'death'?: (_volley_v1_EngineDeath | null);
}

export interface WorkerHello__Output {
  'versions': (_volley_v1_Versions__Output | null);
  'name': (string);
  'threads': (number);
  'memoryBytes': (number);
  'labels': ({[key: string]: string});
  'resources': ({[key: string]: number});
  'address': (_volley_v1_DataAddress__Output | null);
  'supervisorPid': (number);
  'enginePid': (number);
  'death': (_volley_v1_EngineDeath__Output | null);
}
