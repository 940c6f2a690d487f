// Original file: proto/volley.proto

import type { Peer as _volley_v1_Peer, Peer__Output as _volley_v1_Peer__Output } from '../../volley/v1/Peer.js';

export interface PeerTable {
  'workers'?: (_volley_v1_Peer)[];
}

export interface PeerTable__Output {
  'workers': (_volley_v1_Peer__Output)[];
}
