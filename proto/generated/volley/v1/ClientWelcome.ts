// Original file: proto/volley.proto


export interface ClientWelcome {
  'client'?: (number);
  'cluster'?: (string);
  'firstJob'?: (number);
  'jobCount'?: (number);
}

export interface ClientWelcome__Output {
  'client': (number);
  'cluster': (string);
  'firstJob': (number);
  'jobCount': (number);
}
