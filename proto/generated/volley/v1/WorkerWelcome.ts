// Original file: proto/volley.proto


export interface WorkerWelcome {
  'worker'?: (number);
  'cluster'?: (string);
  'heartbeatMs'?: (number | string);
  'leaseMs'?: (number | string);
  'natsUrl'?: (string);
}

export interface WorkerWelcome__Output {
  'worker': (number);
  'cluster': (string);
  'heartbeatMs': (number);
  'leaseMs': (number);
  'natsUrl': (string);
}
