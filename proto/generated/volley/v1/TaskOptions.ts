// Original file: proto/volley.proto

import type { Names as _volley_v1_Names, Names__Output as _volley_v1_Names__Output } from '../../volley/v1/Names.js';

export interface TaskOptions {
  'name'?: (string);
  'retries'?: (number);
  'retryOn'?: (_volley_v1_Names | null);
  'timeoutMs'?: (number | string);
  'priority'?: (number | string);
  'resources'?: ({[key: string]: number | string});
  'labels'?: ({[key: string]: string});
  'inlineResult'?: (boolean);
  'reportedTogether'?: (boolean);
}

export interface TaskOptions__Output {
  'name': (string);
  'retries': (number);
  'retryOn': (_volley_v1_Names__Output | null);
  'timeoutMs': (number);
  'priority': (number);
  'resources': ({[key: string]: number});
  'labels': ({[key: string]: string});
  'inlineResult': (boolean);
  'reportedTogether': (boolean);
}
