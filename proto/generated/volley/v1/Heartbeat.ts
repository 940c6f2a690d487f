// Original file: proto/volley.proto


export interface Heartbeat {
  'storedBytes'?: (number | string);
  'spilledBytes'?: (number | string);
  'rssBytes'?: (number | string);
  'queued'?: (number);
  'running'?: (number);
  'paused'?: (boolean);
}

export interface Heartbeat__Output {
  'storedBytes': (number);
  'spilledBytes': (number);
  'rssBytes': (number);
  'queued': (number);
  'running': (number);
  'paused': (boolean);
}
